//! Decoder switching over a cine.

use proptest::prelude::*;
use ushydra_core::Hysteresis;
use ushydra_core::hysteresis::MAX_WINDOW;

#[test]
fn cines() {
    struct Case {
        needed: usize,
        window: usize,
        choices: &'static [usize],
        used: &'static [usize],
    }
    let cases = [
        Case { needed: 1, window: 1, choices: &[2, 0, 1, 1, 0], used: &[2, 0, 1, 1, 0] },
        Case { needed: 3, window: 3, choices: &[0, 1, 1, 0, 1, 1, 1, 0], used: &[0, 0, 0, 0, 0, 0, 1, 1] },
        Case { needed: 2, window: 4, choices: &[0, 0, 1, 0, 1, 2], used: &[0, 0, 0, 0, 1, 1] },
        Case { needed: 2, window: 2, choices: &[3, 1, 2, 1, 2, 2], used: &[3, 3, 3, 3, 3, 2] },
        // A window of zero and more votes than frames are read as the nearest that makes sense.
        Case { needed: 9, window: 0, choices: &[0, 1], used: &[0, 1] },
        Case { needed: 0, window: 3, choices: &[0, 1], used: &[0, 1] },
    ];
    for case in cases {
        let mut hysteresis = Hysteresis::new(case.needed, case.window);
        let used: Vec<usize> = case.choices.iter().map(|&choice| hysteresis.update(choice)).collect();
        assert_eq!(used, case.used, "{} of {}", case.needed, case.window);
    }
}

#[test]
fn reset_forgets_the_cine() {
    let mut hysteresis = Hysteresis::new(3, 5);
    for _ in 0..5 {
        hysteresis.update(0);
    }
    hysteresis.reset();
    assert_eq!(hysteresis.update(1), 1);
}

proptest! {
    /// A switch never happens on fewer votes than needed, and always on as many; everything else keeps the decoder.
    #[test]
    fn switches_need_their_votes(
        window in 1..=MAX_WINDOW,
        needed in any::<prop::sample::Index>(),
        choices in prop::collection::vec(0_usize..4, 1..200),
    ) {
        let needed = needed.index(window) + 1;
        let mut hysteresis = Hysteresis::new(needed, window);
        let mut current = choices[0];
        for (index, &choice) in choices.iter().enumerate() {
            let used = hysteresis.update(choice);
            let recent = &choices[(index + 1).saturating_sub(window)..=index];
            let votes = recent.iter().filter(|&&vote| vote == choice).count();
            let expected = if index == 0 || votes >= needed { choice } else { current };
            prop_assert_eq!(used, expected, "frame {}", index);
            current = used;
        }
    }
}
