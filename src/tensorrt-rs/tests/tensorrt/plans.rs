//! Plans that are refused.

use proptest::prelude::*;
use tensorrt_fake::Library;
use tensorrt_rs::TensorRtError;

use crate::support::{begin, build, everywhere, open};

#[test]
fn plans_of_another_version_or_gpu_say_so() {
    everywhere(|session, library| {
        let tensorrt = open(library);
        let built = build(&tensorrt, "scale 1 1").unwrap();
        let refused = |plan: &[u8], says: &str| {
            let error = tensorrt.deserialize(plan, None).unwrap_err();
            assert!(matches!(error, TensorRtError::Plan { .. }), "{error}");
            assert!(error.to_string().contains(says), "{error}");
            assert!(error.to_string().contains("; build the plan again on this machine"), "{error}");
        };
        refused(b"", "it is empty");
        refused(b"not a plan", "Magic tag does not match");
        refused(&built.plan[..built.plan.len() - 1], "shorter than its header says");

        session.set_gpu("Other GPU", (8, 9));
        if library == Library::Rtx {
            assert!(tensorrt.deserialize(&built.plan, None).is_ok(), "its plans are finished when they are loaded");
        } else {
            refused(&built.plan, "expecting Other GPU got Fake GPU");
        }
        session.set_gpu("Fake GPU", (8, 6));
        let [major, minor, patch, _] = library.default_version();
        session.set_version(library, [major, minor + 1, patch, 1]);
        refused(&built.plan, "not compatible with this version of TensorRT");
        session.set_version(library, library.default_version());
        session.refuse_plans(true);
        refused(&built.plan, "the engine plan is refused");
        session.refuse_plans(false);
        assert!(tensorrt.deserialize(&built.plan, None).is_ok());
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_plans_are_refused(cut in 0.0..1.0_f64, flip in 0.0..1.0_f64, bit in 0..8_u8) {
        let session = begin();
        let tensorrt = open(Library::TensorRt10);
        let plan = build(&tensorrt, "scale 2 8").unwrap().plan;
        let at = |share: f64| (share * plan.len() as f64) as usize;
        prop_assert!(tensorrt.deserialize(&plan[..at(cut)], None).is_err());
        let mut flipped = plan.clone();
        flipped[at(flip)] ^= 1 << bit;
        prop_assert!(tensorrt.deserialize(&flipped, None).is_err());
        drop(tensorrt);
        prop_assert!(session.live().is_empty());
    }
}
