//! Writes the manual pages and the shell completions of `ushydra`, for the packages.
//!
//!     cargo run -p ushydra --example manual -- FOLDER
//!
//! `FOLDER/man/*.1`, one page per command, `FOLDER/completions/{ushydra,_ushydra,ushydra.fish}` for bash, zsh and fish. They come
//! from the definition of the command line and cannot differ from it; an example, so that the shipped program does not carry the
//! generators.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs, io};

use clap::CommandFactory;
use clap_complete::Shell;
use ushydra::cli::Arguments;

fn main() -> ExitCode {
    let Some(folder) = env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("manual: name the folder to write to");
        return ExitCode::from(2);
    };
    match write(&folder) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("manual: {}: {error}", folder.display());
            ExitCode::FAILURE
        }
    }
}

fn write(folder: &Path) -> io::Result<()> {
    let (pages, completions) = (folder.join("man"), folder.join("completions"));
    fs::create_dir_all(&pages)?;
    fs::create_dir_all(&completions)?;
    clap_mangen::generate_to(Arguments::command(), &pages)?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        let mut text = Vec::new();
        clap_complete::generate(shell, &mut Arguments::command(), "ushydra", &mut text);
        // Names as the shells' folders of completions want them.
        let name = match shell {
            Shell::Zsh => "_ushydra",
            Shell::Fish => "ushydra.fish",
            _ => "ushydra",
        };
        fs::write(completions.join(name), text)?;
    }
    Ok(())
}
