//! Pretrained weights in torchvision's names.
//!
//! The file is safetensors; a `.pth` is converted by `safetensors.torch.save_file(torch.load(..), ..)` first. The layers of the
//! labels are left out where the file has another number of labels. A stem of one channel takes the sum of the three colour
//! kernels: it then computes of a grey picture what the published one computes of the same picture repeated as red, green and
//! blue.

use std::path::Path;

use burn::module::{ModuleMapper, ModuleVisitor, Param};
use burn::tensor::Tensor;

use super::layers::replace;
use super::network::Named;
use crate::error::{HostError, Result};
use crate::import::weights::{Tensor as Stored, Weights};

/// `module` with the weights in the file at `path`.
///
/// # Errors
/// [`HostError::Io`]; [`HostError::Weights`] for a damaged file, or one that lacks a tensor or has one of another shape.
pub(super) fn load<M: Named>(module: M, path: &Path) -> Result<M> {
    let weights = Weights::read(path)?;
    read(module, &mut |name| weights.has(name).then(|| weights.any(name)).transpose(), path)
}

/// `module` with the tensors that `source` knows by torchvision's names.
pub(super) fn read<M: Named>(
    module: M,
    source: &mut dyn FnMut(&str) -> Result<Option<Stored>>,
    path: &Path,
) -> Result<M> {
    let mut names = Names::default();
    module.visit(&mut names);
    let published: Vec<String> = names.found.iter().map(|name| module.published(name)).collect();
    let heads = module.head_names();
    let mut fill =
        Fill { published: published.into_iter(), place: Place::default(), heads, source, path, problem: None };
    let filled = module.map(&mut fill);
    match fill.problem {
        Some(problem) => Err(problem),
        None => Ok(filled),
    }
}

/// torchvision's names of all tensors of `module`, in its order, with their shapes in PyTorch's layout.
#[cfg(test)]
pub(super) fn shapes<M: Named>(module: &M) -> Vec<(String, Vec<usize>)> {
    let mut names = Names::default();
    module.visit(&mut names);
    names.found.iter().map(|name| module.published(name)).zip(names.shapes).collect()
}

/// Where a walk through a module stands.
#[derive(Default)]
struct Place {
    path: Vec<String>,
    container: Vec<String>,
}

impl Place {
    fn enter(&mut self, name: &str, container: &str) {
        self.path.push(name.to_owned());
        self.container.push(container.to_owned());
    }

    fn exit(&mut self) {
        self.path.pop();
        self.container.pop();
    }

    /// Whether the tensor here is the matrix of a fully connected layer, which burn keeps transposed.
    fn transposed(&self) -> bool {
        self.container.last().is_some_and(|c| c == "Struct:Linear") && self.path.last().is_some_and(|n| n == "weight")
    }

    /// Fields joined by dots, scale and shift of a normalisation as PyTorch calls them.
    fn name(&self) -> String {
        let last = self.path.last().map(|name| match name.as_str() {
            "gamma" => "weight",
            "beta" => "bias",
            other => other,
        });
        let mut parts: Vec<&str> = self.path.iter().map(String::as_str).collect();
        parts.pop();
        parts.extend(last);
        parts.join(".")
    }
}

#[derive(Default)]
struct Names {
    place: Place,
    found: Vec<String>,
    shapes: Vec<Vec<usize>>,
}

impl ModuleVisitor for Names {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.place.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.place.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.found.push(self.place.name());
        let mut shape = param.shape().to_vec();
        if self.place.transposed() {
            shape.reverse();
        }
        self.shapes.push(shape);
    }
}

struct Fill<'a> {
    published: std::vec::IntoIter<String>,
    place: Place,
    heads: &'static [&'static str],
    source: &'a mut dyn FnMut(&str) -> Result<Option<Stored>>,
    path: &'a Path,
    problem: Option<HostError>,
}

impl Fill<'_> {
    /// Values of the tensor called `name` in burn's layout; none where it stays as it was drawn.
    fn values(&mut self, name: &str, dims: &[usize]) -> Result<Option<Vec<f32>>> {
        let head = self.heads.iter().any(|head| name.starts_with(head));
        let error = |problem: String| HostError::Weights { path: self.path.to_owned(), problem };
        let mut wanted = dims.to_vec();
        if self.place.transposed() {
            wanted.reverse();
        }
        let Some(found) = (self.source)(name)? else {
            if head {
                log::info!("{}: no `{name}`; it starts from drawn weights", self.path.display());
                return Ok(None);
            }
            return Err(error(format!(
                "the tensor `{name}` is missing; use weights of this network in torchvision's names"
            )));
        };
        if found.shape == wanted {
            let values = found.values;
            return Ok(Some(if self.place.transposed() { transpose(&values, wanted[1]) } else { values }));
        }
        if let ([outputs, 3, h, w], [same, 1, sh, sw]) = (found.shape.as_slice(), wanted.as_slice())
            && (outputs, h, w) == (same, sh, sw)
        {
            return Ok(Some(grey(&found.values, h * w)));
        }
        if head {
            log::info!(
                "{}: `{name}` has shape {:?}, this data set needs {wanted:?}; it starts from drawn weights",
                self.path.display(),
                found.shape
            );
            return Ok(None);
        }
        Err(error(format!(
            "`{name}` has shape {:?}, expected {wanted:?}; use weights of this network, or set its width to the file's",
            found.shape
        )))
    }
}

impl ModuleMapper for Fill<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.place.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.place.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        // There is a name for each: the same module was walked through before.
        let Some(name) = self.published.next() else { return param };
        if self.problem.is_some() {
            return param;
        }
        let dims = param.val().dims();
        match self.values(&name, &dims) {
            Ok(Some(values)) => replace(param, values),
            Ok(None) => param,
            Err(problem) => {
                self.problem = Some(problem);
                param
            }
        }
    }
}

/// Rows of `width` values as columns.
fn transpose(values: &[f32], width: usize) -> Vec<f32> {
    let rows = values.len() / width.max(1);
    (0..values.len()).map(|i| values[i % rows * width + i / rows]).collect()
}

/// Sum over the three colours of kernels `[outputs, 3, h, w]` with `taps = h w`.
fn grey(values: &[f32], taps: usize) -> Vec<f32> {
    let sum = |kernel: &[f32], tap: usize| (0..3).map(|colour| kernel[colour * taps + tap]).sum();
    values.chunks_exact(3 * taps).flat_map(|kernel| (0..taps).map(move |tap| sum(kernel, tap))).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn layouts() {
        assert_eq!(transpose(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 3), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
        let kernels: Vec<f32> = (0_u8..12).map(f32::from).collect();
        assert_eq!(grey(&kernels, 2), [0.0 + 2.0 + 4.0, 1.0 + 3.0 + 5.0, 6.0 + 8.0 + 10.0, 7.0 + 9.0 + 11.0]);
    }
}
