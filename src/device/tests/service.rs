//! `ushydra run` under a service manager, which is a socket here.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

mod common;

use std::ffi::OsString;
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::{Answer, Scene, answer, finish, program};
use ushydra_tests::data::demo_cine;
use ushydra_tests::patience;

/// Longest wait for a message, in seconds.
const PATIENCE: u64 = 60;
/// Watchdog period of the tests, in microseconds.
const WATCHDOG: &str = "400000";

/// A service manager that only listens.
struct Manager {
    socket: UnixDatagram,
    name: OsString,
    _folder: tempfile::TempDir,
}

impl Manager {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        Self { socket, name: path.into_os_string(), _folder: folder }
    }

    /// Starts `ushydra run` with these arguments as its service.
    fn start(&self, scene: &Scene, arguments: Vec<OsString>, environment: &[(&str, &str)]) -> Child {
        let mut command = program();
        command.env("NOTIFY_SOCKET", &self.name).envs(environment.iter().copied());
        command.args(["run", "-v"]).args(arguments).arg("--bundle").arg(scene.miniature.folder());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// The next message, or none within `patience`.
    fn message(&self, patience: Duration) -> Option<String> {
        self.socket.set_read_timeout(Some(patience)).unwrap();
        let mut bytes = [0; 4096];
        let length = self.socket.recv(&mut bytes).ok()?;
        Some(String::from_utf8(bytes[..length].to_vec()).unwrap())
    }

    /// Every message up to one that contains `word`.
    fn until(&self, word: &str) -> Vec<String> {
        let begin = Instant::now();
        let mut heard = Vec::new();
        while begin.elapsed() < patience(PATIENCE) {
            heard.extend(self.message(patience(PATIENCE)));
            if heard.last().is_some_and(|message| message.contains(word)) {
                return heard;
            }
        }
        panic!("no {word} in {heard:?}");
    }
}

fn terminate(child: Child) -> Answer {
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    answer(child)
}

fn demo() -> String {
    format!("file:{}", demo_cine().display())
}

#[test]
fn a_service_without_a_probe_waits_alive_and_stops_cleanly() {
    let scene = Scene::new();
    let manager = Manager::new();
    let service = manager.start(&scene, arguments!["--source", "usb:NOT-THERE"], &[("WATCHDOG_USEC", WATCHDOG)]);
    let begun = manager.until("READY=1");
    assert!(begun.iter().any(|m| m.starts_with("STATUS=loading")), "{begun:?}");
    assert!(begun.iter().all(|m| !m.contains("WATCHDOG")), "{begun:?}");
    let waiting = manager.until("STATUS=NO PROBE, waiting");
    assert!(waiting.iter().any(|m| m == "WATCHDOG=1"), "{waiting:?}");
    for _ in 0..3 {
        manager.until("WATCHDOG=1");
    }
    let ended = terminate(service);
    manager.until("STOPPING=1");
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    // The status goes to the manager; the log hears of a change only.
    assert_eq!(ended.stderr.matches("NO PROBE").count(), 1, "{}", ended.stderr);
}

#[test]
fn a_service_looks_for_a_probe_where_nothing_else_is_said() {
    let scene = Scene::new();
    let manager = Manager::new();
    let service = manager.start(&scene, arguments![], &[]);
    manager.until("READY=1");
    let ended = terminate(service);
    assert!(ended.stderr.contains("source: auto"), "{}", ended.stderr);
}

#[test]
fn a_service_says_how_fast_and_with_what_it_judges() {
    let scene = Scene::new();
    let manager = Manager::new();
    let service = manager.start(
        &scene,
        arguments!["--loop", "--source", demo()],
        &[("WATCHDOG_USEC", WATCHDOG), ("WATCHDOG_PID", "1")],
    );
    let heard = manager.until(" fps");
    let status = heard.last().unwrap();
    for word in ["STATUS=", "decoder ", "miniature@", "on tract"] {
        assert!(status.contains(word), "{word}: {status}");
    }
    let more = manager.until(" fps");
    assert!(heard.iter().chain(&more).all(|m| m != "WATCHDOG=1"), "that dog is another process's: {heard:?}");
    assert_eq!(terminate(service).code, 0);
}

#[test]
fn a_frame_loop_that_hangs_lets_the_watchdog_starve() {
    let scene = Scene::new();
    let manager = Manager::new();
    // Nobody reads the results: once the pipe is full the frame loop hangs in a write.
    let arguments = arguments!["--loop", "--json", "--replay", "fast", "--source", demo()];
    let mut service = manager.start(&scene, arguments, &[("WATCHDOG_USEC", WATCHDOG)]);
    manager.until("READY=1");
    let begin = Instant::now();
    let silence = Duration::from_secs(2);
    while manager.message(silence).is_some() {
        assert!(begin.elapsed() < patience(PATIENCE), "it is still fed");
    }
    assert!(service.try_wait().unwrap().is_none(), "it hangs and has not ended");
    service.kill().unwrap();
    service.wait().unwrap();
}

#[test]
fn a_service_that_cannot_start_says_why() {
    let scene = Scene::new();
    std::fs::write(scene.miniature.folder().join("encoder.onnx"), b"nothing").unwrap();
    let manager = Manager::new();
    let ended = answer(manager.start(&scene, arguments!["--source", demo()], &[]));
    assert_eq!(ended.code, 4, "{}", ended.stderr);
    let heard = manager.until("STATUS=stopped");
    assert!(heard.last().unwrap().contains("encoder.onnx"), "{heard:?}");
    assert!(heard.iter().all(|m| !m.contains("READY")), "{heard:?}");
}

#[test]
fn a_manager_that_is_not_there_is_a_warning() {
    let scene = Scene::new();
    for name in ["/nonexistent/notify", "@ushydra-nobody-listens", "nonsense", "vsock:1:2"] {
        let run = arguments!["run", "--replay", "fast", "--source", demo(), "--bundle", scene.miniature.folder()];
        let ended = finish(program().args(run).env("NOTIFY_SOCKET", name).env("WATCHDOG_USEC", "x"));
        assert_eq!(ended.code, 0, "{name}: {}", ended.stderr);
        assert!(ended.stderr.contains("NOTIFY_SOCKET"), "{name}: {}", ended.stderr);
        assert!(ended.stdout.contains("captured 30"), "{name}: {}", ended.stdout);
    }
}
