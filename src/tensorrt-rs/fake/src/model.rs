//! A model as the fake libraries hold it.

use std::ffi::CString;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::slice;

use crate::host::{self, Description, Refusal};

/// A parsed model, or why it could not be parsed.
pub(crate) struct Model {
    pub(crate) onnx: Vec<u8>,
    pub(crate) description: Description,
    /// Names of inputs and outputs.
    pub(crate) names: Vec<CString>,
    pub(crate) refusal: Option<[CString; 3]>,
}

/// Texts of a test hold no zero bytes; one that does loses what follows.
pub(crate) fn c_string(text: &str) -> CString {
    CString::new(text.split('\0').next().unwrap_or_default()).unwrap_or_default()
}

impl Model {
    pub(crate) fn new(onnx: Vec<u8>) -> Self {
        let described = match host::installed() {
            // A panic must not cross into C++; it is the host's way to say that it cannot.
            Some(host) => catch_unwind(AssertUnwindSafe(|| host.describe(&onnx)))
                .unwrap_or_else(|_| Err(Refusal { message: "the host panicked".to_owned(), ..Refusal::default() })),
            None => Err(Refusal { message: "no host is installed".to_owned(), ..Refusal::default() }),
        };
        let (description, refusal) = match described {
            Ok(description) => (description, None),
            Err(refusal) => {
                let texts = [&refusal.node, &refusal.operator, &refusal.message].map(|text| c_string(text));
                (Description::default(), Some(texts))
            }
        };
        let names = description.inputs.iter().chain(&description.outputs).map(|(name, _)| c_string(name)).collect();
        Self { onnx, description, names, refusal }
    }

    pub(crate) fn run(&self, addresses: &[*mut f32], batch: i64) -> Result<(), String> {
        let host = host::installed().ok_or("no host is installed")?;
        let length = |shape: &[i64]| -> usize {
            shape.iter().map(|extent| usize::try_from(if *extent < 0 { batch } else { *extent }).unwrap_or(0)).product()
        };
        let inputs = self.description.inputs.iter().zip(addresses);
        let inputs: Vec<(&str, &[f32])> = inputs
            // SAFETY: the driver checked that the address has memory of that size, and nothing writes to it meanwhile:
            // streams run one piece of work after the other under a lock.
            .map(|((name, shape), address)| (name.as_str(), unsafe { slice::from_raw_parts(*address, length(shape)) }))
            .collect();
        let outputs = self.description.outputs.iter().zip(addresses.iter().skip(inputs.len()));
        let mut outputs: Vec<(&str, &mut [f32])> = outputs
            .map(|((name, shape), address)| {
                // SAFETY: as above; outputs have memory of their own.
                (name.as_str(), unsafe { slice::from_raw_parts_mut(*address, length(shape)) })
            })
            .collect();
        catch_unwind(AssertUnwindSafe(|| host.run(&self.onnx, &inputs, &mut outputs)))
            .unwrap_or_else(|_| Err("the host panicked".to_owned()))
    }
}
