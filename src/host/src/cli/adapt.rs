//! `adapt`.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use ushydra_host::adapt::{AdaptConfig, ImageSource, Plan, Request, plan};
use ushydra_host::files;
use ushydra_host::progress::Progress;

use super::{code, jobs, print};

#[derive(Args, Debug)]
#[command(group(clap::ArgGroup::new("pictures").required(true).multiple(true).args(["images", "labels"])))]
pub(super) struct Adapt {
    /// Bundle that is adapted: its folder, or its name in models/. It stays as it is.
    #[arg(long, value_name = "BUNDLE")]
    from: PathBuf,
    /// Folder of new images: <label>/<image> or <label>/<patient>/<image>; without label folders, images without labels.
    #[arg(long, value_name = "DIR")]
    images: Option<PathBuf>,
    /// Csv with file,label[,patient][,device] (paths from --images or from the csv), or a layout that `train` reads; for a
    /// segmentation, a csv with masks.
    #[arg(long, value_name = "CSV")]
    labels: Option<PathBuf>,
    /// Name of the new domain: lowercase letters, digits, `-` and `_`.
    #[arg(long, value_name = "DOMAIN")]
    name: String,
    /// The patient stands in file names before this text, for example `_`.
    #[arg(long, value_name = "TEXT")]
    patient_prefix: Option<String>,
    /// Label of images that show none of the bundle's planes: never trained on, only the share withheld is counted.
    #[arg(long = "unknown", value_name = "LABEL")]
    unknown_labels: Vec<String>,
    /// Settings instead of the defaults, see docs/adapt.md.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder of the new bundle; it must not exist.
    #[arg(long, value_name = "DIR", conflicts_with = "to")]
    out: Option<PathBuf>,
    /// Folder that receives models/<name> [default: work/adapt-<domain>].
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    /// Name of the new bundle [default: the old one's].
    #[arg(long, value_name = "NAME")]
    bundle_name: Option<String>,
    /// Licence of the new images, for the model card.
    #[arg(long, value_name = "TEXT", default_value = "not stated")]
    licence: String,
    /// Who made the new images, for the model card.
    #[arg(long, value_name = "TEXT", default_value = "not stated")]
    attribution: String,
    /// Folder for adaptation.json and adaptation.md [default: work/adapt-<domain>].
    #[arg(long, value_name = "DIR")]
    work: Option<PathBuf>,
    /// Feature cache [default: work/features].
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
    /// Images worked on at the same time [default: all cores].
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// Only figures; nothing of a bundle is written, nothing asked.
    #[arg(long, conflicts_with_all = ["yes", "force"])]
    report: bool,
    /// Write without asking.
    #[arg(long)]
    yes: bool,
    /// Write although the figures say that the bundle gets worse.
    #[arg(long)]
    force: bool,
    /// The figures as JSON.
    #[arg(long)]
    json: bool,
}

impl Adapt {
    pub(super) fn run(self, progress: &Progress) -> anyhow::Result<ExitCode> {
        let work = self.work.unwrap_or_else(|| PathBuf::from(format!("work/adapt-{}", self.name)));
        if let Some(out) = &self.out {
            Plan::is_free(out)?;
        }
        let request = Request {
            from: self.from,
            images: ImageSource {
                folder: self.images,
                csv: self.labels,
                patient_prefix: self.patient_prefix,
                unknown_labels: self.unknown_labels,
            },
            domain: self.name,
            bundle_name: self.bundle_name,
            licence: self.licence,
            attribution: self.attribution,
            config: self.config.as_deref().map(AdaptConfig::read).transpose()?.unwrap_or_default(),
            cache: self.cache.unwrap_or_else(|| PathBuf::from("work/features")),
            jobs: jobs(self.jobs),
        };
        let plan = plan(&request, progress)?;
        let report = &plan.report;
        files::write_json(&work.join("adaptation.json"), report)?;
        files::write_atomic(&work.join("adaptation.md"), report.markdown().as_bytes())?;
        if self.json {
            print(&format!("{}\n", serde_json::to_string(report)?));
        } else {
            print(&report.text());
        }
        if self.report {
            return Ok(ExitCode::SUCCESS);
        }
        let folder =
            self.out.unwrap_or_else(|| self.to.unwrap_or_else(|| work.clone()).join("models").join(plan.name()));
        Plan::is_free(&folder)?;
        if let Some(reason) = report.outcome.refusal(self.force) {
            say(&format!("nothing written: {reason}"));
            return Ok(ExitCode::from(code::INPUT));
        }
        if !self.yes && !self.force && !confirmed(&format!("Write {} to {}?", report.result, folder.display()))? {
            return Ok(ExitCode::from(code::USAGE));
        }
        progress.check()?;
        let written = plan.write(&folder)?;
        let text = format!("{}: {}\nself-test: {}\n", written.bundle.display(), written.id, written.self_test);
        if self.json {
            say(text.trim_end())
        } else {
            print(&text)
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Asks on the terminal. Without one, or for any answer but yes, nothing is written.
fn confirmed(question: &str) -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() {
        say(
            "nothing written: there is no terminal to ask on. Look at the figures and run the same command again with --yes, or \
             with --report where only the figures are wanted",
        );
        return Ok(false);
    }
    let mut error = std::io::stderr();
    write!(error, "{question} [y/N] ")?;
    error.flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    let yes = matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes");
    if !yes {
        say("nothing written");
    }
    Ok(yes)
}

fn say(text: &str) {
    // Nothing is left to do where even stderr is gone.
    let _ = writeln!(std::io::stderr(), "{text}");
}
