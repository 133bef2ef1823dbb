//! What training programs put around the names of a network.

use std::collections::BTreeMap;

/// Entries of a checkpoint that hold the network, in timm's order: averaged weights first, as they are meant for use.
const WRAPPERS: [&str; 5] = ["state_dict_ema.", "model_ema.", "state_dict.", "model_state_dict.", "model."];
/// What PyTorch puts before the names of a network on several GPUs and of a compiled one.
const PREFIXES: [&str; 2] = ["module.", "_orig_mod."];

/// Only the tensors of the network, by the names that it gives them. Cause and remedy where two have the same.
pub(super) fn unwrapped<T>(mut tensors: BTreeMap<String, T>) -> Result<BTreeMap<String, T>, String> {
    if let Some(wrapper) = WRAPPERS.into_iter().find(|w| tensors.keys().any(|name| name.starts_with(w))) {
        tensors =
            tensors.into_iter().filter_map(|(name, t)| Some((name.strip_prefix(wrapper)?.to_owned(), t))).collect();
    }
    for prefix in PREFIXES {
        let mut named = BTreeMap::new();
        for (name, tensor) in tensors {
            let name = name.strip_prefix(prefix).map(str::to_owned).unwrap_or(name);
            if named.contains_key(&name) {
                return Err(format!(
                    "it holds `{name}` both with and without `{prefix}` before the name; save the state dict of one network"
                ));
            }
            named.insert(name, tensor);
        }
        tensors = named;
    }
    Ok(tensors)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_network_is_left() {
        struct Case {
            found: &'static [&'static str],
            expected: &'static [&'static str],
        }
        let cases = [
            Case { found: &["a.weight", "b.bias"], expected: &["a.weight", "b.bias"] },
            Case { found: &["optimizer.state.0.exp_avg", "state_dict.a.weight"], expected: &["a.weight"] },
            Case { found: &["model.a", "model_ema.module.a", "model_ema.n_averaged"], expected: &["a", "n_averaged"] },
            Case { found: &["state_dict.module._orig_mod.a", "state_dict.module.b"], expected: &["a", "b"] },
            Case { found: &["_orig_mod.a"], expected: &["a"] },
            Case { found: &["modules.a", "modelled"], expected: &["modelled", "modules.a"] },
        ];
        for case in cases {
            let tensors = case.found.iter().map(|name| ((*name).to_owned(), ())).collect();
            let names: Vec<String> = unwrapped(tensors).into_iter().flat_map(BTreeMap::into_keys).collect();
            assert_eq!(names, case.expected, "{:?}", case.found);
        }
        let twice = ["a", "module.a"].map(|name| (name.to_owned(), ())).into_iter().collect();
        assert!(unwrapped(twice).is_err_and(|e| e.contains("`a` both with and without `module.`")));
    }
}
