//! The real program, killed at random moments of an installation: the active bundle stays whole and the next installation succeeds.
//!
//! SIGKILL is not a power cut: the kernel still writes what the program had handed to it. What a real cut may take is the part of
//! `src/bundle/tests/bundle/cuts.rs`, which forgets everything that was not synced.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

mod common;
#[path = "update/workshop.rs"]
mod workshop;

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::{answer, finish};
use ushydra_bundle::{FileSpec, Manifest, Signature};
use workshop::{NAME, Workshop};

/// Installations that are killed.
const KILLS: usize = 60;
/// Of the moments.
const SEED: u64 = 20_261_125;
/// Bytes added to the bundle, so that copying and syncing are a good part of an installation.
const BALLAST: usize = 8 << 20;

/// xorshift64*.
struct Draw(u64);

impl Draw {
    /// A number from 0 to 1.
    fn part(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Makes the model card of the bundle in `folder` long and signs it again.
fn load(workshop: &Workshop, folder: &Path) {
    let mut manifest = Manifest::read(folder).unwrap();
    fs::write(folder.join(&manifest.card.file), vec![b'x'; BALLAST]).unwrap();
    manifest.card = FileSpec::of(folder, &manifest.card.file).unwrap();
    manifest.write(folder).unwrap();
    Signature::write(folder, &workshop.key(), None).unwrap();
}

fn spawn(command: &mut Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn active(workshop: &Workshop) -> String {
    Manifest::read(&workshop.store().join(NAME)).unwrap().version
}

#[test]
fn sixty_kills_leave_sixty_working_slots() {
    let workshop = Workshop::new();
    let versions = ["1.0.0", "1.1.0"];
    let sticks = versions.map(|version| {
        let stick = workshop.sign(version);
        load(&workshop, &stick);
        stick
    });
    // The stick with the version that is not in use.
    let next = || &sticks[versions.iter().position(|version| *version != active(&workshop)).unwrap()];
    let install = |stick: &Path| {
        let mut command = workshop.ushydra(["bundle", "install", "--yes", "--allow-older", "--threads", "1"]);
        command.arg(stick);
        command
    };
    assert_eq!(finish(&mut install(&sticks[0])).code, 0);
    let slots = workshop.store().join(".slots").join(NAME);
    let torn_copy = || slots.join("incoming").exists() || slots.join("discarded").exists();
    // Waits until an installation has begun to write; false where it ended before.
    let writes = |child: &mut Child| loop {
        if torn_copy() {
            return true;
        }
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        std::thread::sleep(Duration::from_micros(200));
    };
    // The moments are spread over what an installation takes here and now: the whole of it, and the part in which it writes.
    let mut whole = Duration::MAX;
    let mut writing = Duration::MAX;
    for _ in 0..3 {
        let begin = Instant::now();
        let mut child = spawn(&mut install(next()));
        assert!(writes(&mut child));
        let wrote = Instant::now();
        let done = answer(child);
        assert_eq!(done.code, 0, "{}", done.stderr);
        (whole, writing) = (whole.min(begin.elapsed()), writing.min(wrote.elapsed()));
    }
    let mut draw = Draw(SEED);
    let (mut killed, mut switched, mut torn) = (0, 0, 0);
    for kill in 0..KILLS {
        let (before, stick) = (active(&workshop), next());
        let mut child = spawn(&mut install(stick));
        if kill % 3 == 0 {
            std::thread::sleep(whole.mul_f64(draw.part()));
        } else if writes(&mut child) {
            std::thread::sleep(writing.mul_f64(draw.part()));
        }
        child.kill().unwrap();
        let answer = answer(child);
        killed += usize::from(answer.code == -1);
        torn += usize::from(torn_copy());
        switched += usize::from(active(&workshop) != before);

        let verified =
            finish(workshop.ushydra(["bundle", "verify", "--threads", "1"]).arg(workshop.store().join(NAME)));
        assert_eq!(verified.code, 0, "kill {kill}: {}{}", verified.stdout, verified.stderr);
        assert!(verified.stdout.contains("signed by \"maker\""), "kill {kill}: {}", verified.stdout);
        let wanted = Manifest::read(next()).unwrap().version;
        let done = finish(&mut install(next()));
        assert_eq!(done.code, 0, "after kill {kill}: {}", done.stderr);
        assert_eq!(active(&workshop), wanted, "after kill {kill}");
        assert!(!torn_copy(), "nothing is left lying");
    }
    eprintln!(
        "{KILLS} installations, {killed} killed before their end, {torn} with a torn copy, {switched} after the switch"
    );
    assert!(killed > KILLS / 3 && torn > 0, "the moments missed the installations: {killed} of {KILLS}, {torn} torn");
}
