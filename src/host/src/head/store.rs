//! Heads on disk as safetensors: `layer{n}.weight` (inputs x outputs) and `layer{n}.bias`, f32.

use std::collections::HashMap;
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use super::{Dense, Head};
use crate::error::{HostError, Result};
use crate::files;

/// Writes `head` with `notes` as metadata.
///
/// # Errors
/// [`HostError::Io`].
pub fn save(path: &Path, head: &Head, notes: HashMap<String, String>) -> Result<()> {
    let bytes = |values: &[f32]| values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
    let mut data = Vec::new();
    for (index, layer) in head.layers.iter().enumerate() {
        data.push((format!("layer{index}.weight"), vec![layer.inputs, layer.outputs], bytes(&layer.weight)));
        data.push((format!("layer{index}.bias"), vec![layer.outputs], bytes(&layer.bias)));
    }
    let views = data
        .iter()
        .map(|(name, shape, bytes)| Ok((name.as_str(), TensorView::new(Dtype::F32, shape.clone(), bytes)?)))
        .collect::<std::result::Result<Vec<_>, safetensors::SafeTensorError>>();
    let file = views.and_then(|views| safetensors::serialize(views, Some(notes)));
    files::write_atomic(path, &file.map_err(|e| HostError::damaged(path, e))?)
}

/// Reads a head and its notes.
///
/// # Errors
/// [`HostError::Io`] or [`HostError::Damaged`].
pub fn load(path: &Path) -> Result<(Head, HashMap<String, String>)> {
    let bytes = files::read(path)?;
    let damaged = |problem: String| HostError::damaged(path, problem);
    let (_, metadata) = SafeTensors::read_metadata(&bytes).map_err(|e| damaged(e.to_string()))?;
    let notes = metadata.metadata().clone().unwrap_or_default();
    let file = SafeTensors::deserialize(&bytes).map_err(|e| damaged(e.to_string()))?;
    let mut layers = Vec::new();
    while let Ok(weight) = file.tensor(&format!("layer{}.weight", layers.len())) {
        let bias = file.tensor(&format!("layer{}.bias", layers.len())).map_err(|e| damaged(e.to_string()))?;
        let (&[inputs, outputs], &[biases]) = (weight.shape(), bias.shape()) else {
            return Err(damaged(format!("layer {} has shape {:?}", layers.len(), weight.shape())));
        };
        let fits = outputs == biases && layers.last().is_none_or(|l: &Dense| l.outputs == inputs);
        if !fits || weight.dtype() != Dtype::F32 || bias.dtype() != Dtype::F32 {
            return Err(damaged(format!("layer {} does not fit its neighbours", layers.len())));
        }
        layers.push(Dense { inputs, outputs, weight: floats(weight.data()), bias: floats(bias.data()) });
    }
    if layers.is_empty() || layers.len() * 2 != file.len() {
        return Err(damaged(format!("{} tensors, {} layers", file.len(), layers.len())));
    }
    Ok((Head { layers }, notes))
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    let (values, _) = bytes.as_chunks::<4>();
    values.iter().map(|b| f32::from_le_bytes(*b)).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn round_trip_and_damage() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("head.safetensors");
        let mut head = Head { layers: vec![Dense::zero(3, 2), Dense::zero(2, 4)] };
        head.layers[0].weight[4] = 1.5;
        head.layers[1].bias[3] = -2.0;
        save(&path, &head, HashMap::from([("key".into(), "value".into())])).unwrap();
        let (read, notes) = load(&path).unwrap();
        assert_eq!(read, head);
        assert_eq!(notes["key"], "value");
        let bytes = std::fs::read(&path).unwrap();
        for cut in [0, 7, bytes.len() / 2, bytes.len() - 1] {
            std::fs::write(&path, &bytes[..cut]).unwrap();
            assert!(load(&path).unwrap_err().to_string().contains("is damaged"));
        }
    }
}
