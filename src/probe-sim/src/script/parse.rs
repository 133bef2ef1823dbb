//! The language of scripts.

use std::time::Duration;

use super::{Action, DEFAULT_DOWN, DEFAULT_RESTART, Event, Fault, Trigger};
use crate::SimError;

/// Most events of a script, with all repetitions.
const MAX_EVENTS: usize = 100_000;
/// Most bytes of garbage and of babble.
const MAX_BYTES: u64 = 16 << 20;
const WANTED: &str = "a line is `after N frames ACTION`, `after TIME ACTION`, either with ` xN` at its end, \
    `repeat N {`, `}` or `repeat N { EVENT; EVENT }`";
const ACTIONS: &str = "the actions are stall, cut, corrupt, babble [BYTES], skip [FRAMES], repeat, silence TIME, \
    refuse [REQUESTS|TIME], garbage [BYTES], error, unplug [TIME], restart [TIME], replug [TIME] NAME=VALUE..., end";

/// Reads a script. `;` stands for the end of a line, `#` begins a comment, times are `500ms` or `3s`.
///
/// # Errors
/// [`SimError::Script`] with the line and what it may be.
pub fn parse(text: &str) -> Result<Vec<Event>, SimError> {
    // Open blocks: how often each is repeated, and its events; the first is the script itself.
    let mut blocks: Vec<(usize, Vec<Event>)> = vec![(1, Vec::new())];
    for (number, line) in (1..).zip(text.lines()) {
        let fail = |message: String| SimError::Script { line: number, message };
        let line = line.split('#').next().unwrap_or_default().replace('{', " { ; ").replace('}', " ; } ; ");
        for statement in line.split(';').map(str::trim).filter(|statement| !statement.is_empty()) {
            let words: Vec<&str> = statement.split_whitespace().collect();
            match words.as_slice() {
                ["repeat", count, "{"] => {
                    blocks.push((usize::try_from(whole(count).map_err(fail)?).unwrap_or(usize::MAX), Vec::new()))
                }
                ["}"] if blocks.len() > 1 => {
                    let Some((count, events)) = blocks.pop() else { continue };
                    extend(&mut blocks, &events, count).map_err(fail)?;
                }
                ["}"] => return Err(fail("a `}` without its `repeat N {`".into())),
                ["after", rest @ ..] => {
                    let (event, count) = event(rest).map_err(fail)?;
                    extend(&mut blocks, &[event], count).map_err(fail)?;
                }
                _ => return Err(fail(format!("`{statement}` means nothing; {WANTED}"))),
            }
        }
    }
    match blocks.pop() {
        Some((_, events)) if blocks.is_empty() => Ok(events),
        _ => Err(SimError::Script { line: text.lines().count(), message: "a `repeat N {` without its `}`".into() }),
    }
}

fn extend(blocks: &mut [(usize, Vec<Event>)], events: &[Event], count: usize) -> Result<(), String> {
    let Some((_, block)) = blocks.last_mut() else { return Ok(()) };
    if events.len().saturating_mul(count).saturating_add(block.len()) > MAX_EVENTS {
        return Err(format!("the script has more than {MAX_EVENTS} events; repeat less often"));
    }
    for _ in 0..count {
        block.extend_from_slice(events);
    }
    Ok(())
}

/// An event without its `after`, and how often it is repeated.
fn event(words: &[&str]) -> Result<(Event, usize), String> {
    let (words, count) = match words.split_last() {
        Some((last, rest)) if last.strip_prefix('x').is_some_and(|n| n.parse::<usize>().is_ok()) => {
            (rest, last[1..].parse().unwrap_or(1))
        }
        _ => (words, 1),
    };
    let (after, words) = match words {
        [count, "frames" | "frame", rest @ ..] => (Trigger::Frames(whole(count)?), rest),
        [amount, rest @ ..] => (Trigger::Time(time(amount)?), rest),
        [] => return Err(format!("`after` what? {WANTED}")),
    };
    let Some((name, arguments)) = words.split_first() else { return Err(format!("no action; {ACTIONS}")) };
    Ok((Event { after, action: action(name, arguments)? }, count))
}

fn action(name: &str, arguments: &[&str]) -> Result<Action, String> {
    let number = |default: u64| match arguments {
        [] => Ok(default),
        [one] => whole(one),
        _ => Err(format!("`{name}` takes one number at most")),
    };
    let bytes = |default| Ok::<_, String>(number(default)?.min(MAX_BYTES) as usize);
    let count = |default| Ok::<_, String>(u32::try_from(number(default)?).unwrap_or(u32::MAX));
    let span = |default| match arguments {
        [] => Ok(default),
        [one] => time(one),
        _ => Err(format!("`{name}` takes one time at most")),
    };
    let fault = match name {
        "unplug" => return Ok(Action::Unplug(span(DEFAULT_DOWN)?)),
        "restart" => return Ok(Action::Restart(span(DEFAULT_RESTART)?)),
        "replug" => return replug(arguments),
        "end" if arguments.is_empty() => return Ok(Action::End),
        "stall" if arguments.is_empty() => Fault::Stall,
        "cut" if arguments.is_empty() => Fault::Cut,
        "corrupt" if arguments.is_empty() => Fault::Corrupt,
        "repeat" if arguments.is_empty() => Fault::Repeat,
        "error" if arguments.is_empty() => Fault::Error,
        "babble" => Fault::Babble(bytes(1000)?),
        "skip" => Fault::Skip(count(1)?),
        "garbage" => Fault::Garbage(bytes(1000)?),
        "silence" => Fault::Silence(span(Duration::from_secs(3))?),
        "refuse" if arguments.first().is_some_and(|one| one.ends_with('s')) => Fault::RefuseFor(span(DEFAULT_DOWN)?),
        "refuse" => Fault::Refuse(count(1)?),
        _ => return Err(format!("`{name} {}` is no action; {ACTIONS}", arguments.join(" "))),
    };
    Ok(Action::Fault(fault))
}

fn replug(arguments: &[&str]) -> Result<Action, String> {
    let (mut down, mut changes) = (DEFAULT_DOWN, Vec::new());
    for argument in arguments {
        match argument.split_once('=') {
            Some((name, value)) => changes.push((name.to_owned(), value.to_owned())),
            None => down = time(argument)?,
        }
    }
    Ok(Action::Replug(down, changes))
}

fn whole(word: &str) -> Result<u64, String> {
    word.parse().map_err(|_| format!("`{word}` is no whole number"))
}

fn time(word: &str) -> Result<Duration, String> {
    let wrong = || format!("`{word}` is no time; use 500ms or 3s, up to a day");
    let (number, unit) = match (word.strip_suffix("ms"), word.strip_suffix('s')) {
        (Some(number), _) => (number, 0.001),
        (None, Some(number)) => (number, 1.0),
        (None, None) => return Err(wrong()),
    };
    let seconds = number.parse::<f64>().map_err(|_| wrong())? * unit;
    if (0.0..=86_400.0).contains(&seconds) { Ok(Duration::from_secs_f64(seconds)) } else { Err(wrong()) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_mean_what_they_say() {
        let ms = Duration::from_millis;
        let frames = |count, action| Event { after: Trigger::Frames(count), action };
        let cases = [
            ("after 100 frames stall", vec![frames(100, Action::Fault(Fault::Stall))]),
            ("after 50 frames unplug 500ms # why", vec![frames(50, Action::Unplug(ms(500)))]),
            ("after 1 frame babble 7", vec![frames(1, Action::Fault(Fault::Babble(7)))]),
            (
                "after 2s silence 1.5s",
                vec![Event { after: Trigger::Time(ms(2000)), action: Action::Fault(Fault::Silence(ms(1500))) }],
            ),
            ("after 3 frames refuse 4", vec![frames(3, Action::Fault(Fault::Refuse(4)))]),
            ("after 3 frames refuse 2s", vec![frames(3, Action::Fault(Fault::RefuseFor(ms(2000))))]),
            ("after 3 frames cut x2", vec![frames(3, Action::Fault(Fault::Cut)); 2]),
            (
                "after 1 frames replug 250ms format=rgb8 serial=B",
                vec![frames(
                    1,
                    Action::Replug(ms(250), vec![("format".into(), "rgb8".into()), ("serial".into(), "B".into())]),
                )],
            ),
            ("repeat 3 { after 5 frames restart }", vec![frames(5, Action::Restart(DEFAULT_RESTART)); 3]),
            (
                "repeat 2 {\n after 1 frames skip 3\n repeat 2 { after 9 frames repeat; after 9 frames repeat }\n}\n",
                vec![
                    [vec![frames(1, Action::Fault(Fault::Skip(3)))], vec![frames(9, Action::Fault(Fault::Repeat)); 4]];
                    2
                ]
                .concat()
                .concat(),
            ),
            ("\n# nothing\n", vec![]),
        ];
        for (text, events) in cases {
            assert_eq!(parse(text).unwrap(), events, "{text}");
        }
    }

    #[test]
    fn refusals_name_the_line() {
        for text in [
            "after",
            "after 5",
            "after 5 frames",
            "after x frames cut",
            "after 5 frames explode",
            "after 5 frames unplug soon",
            "after 5 frames stall 3",
            "cut",
            "}",
            "repeat 3 {",
            "repeat 1000000 { after 1 frames cut }",
            "after -1s cut",
        ] {
            let error = parse(&format!("\n{text}")).unwrap_err().to_string();
            assert!(error.starts_with("line 2 of the script: "), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_parser(text in "[a-z0-9 {};#\n=.-]{0,80}") {
            let _ = parse(&text);
        }
    }
}
