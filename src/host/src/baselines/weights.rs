//! Pretrained weights: a file's tensors go where torchvision's names say.
//!
//! The file is safetensors or what `torch.save` wrote; [`Family`] tells how it names its tensors. The layers of the labels are left
//! as they were drawn where the file has another number of labels. A stem of one channel takes the sum of the three colour
//! kernels: it then computes of a grey picture what the published one computes of the same picture repeated as red, green and
//! blue.

use std::path::Path;

use burn::module::{ModuleMapper, ModuleVisitor, Param};
use burn::tensor::Tensor;

use super::family::{self, Family};
use super::layers::replace;
use super::network::Named;
use crate::error::{HostError, Result};
use crate::import::weights::{Tensor as Stored, Weights, listed};

/// `module` with the weights in the file at `path`. Says which tensors were taken, left and missing.
///
/// # Errors
/// [`HostError::Io`]; [`HostError::Weights`] for a damaged file, or one that lacks a tensor, has one of another shape or one that
/// this network has no place for.
pub(super) fn load<M: Named>(module: M, path: &Path) -> Result<M> {
    let file = Weights::read(path)?;
    let (loaded, tally) = take(module, &file, path)?;
    // What starts from drawn weights decides about the figures; all else is as expected.
    let level = if tally.drawn.is_empty() { log::Level::Info } else { log::Level::Warn };
    log::log!(level, "weights {}: {tally}", path.display());
    Ok(loaded)
}

/// What became of the tensors of a file.
pub(super) struct Tally {
    pub(super) family: Family,
    pub(super) taken: usize,
    /// In the file, without a place in the network.
    pub(super) left: Vec<String>,
    /// In the network, not taken from the file: as they were drawn.
    pub(super) drawn: Vec<String>,
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = |names: &[String]| match names {
            [] => String::new(),
            some => format!(" ({})", listed(some)),
        };
        let (left, drawn) = (&self.left, &self.drawn);
        write!(f, "{} tensors taken in {}, ", self.taken, self.family)?;
        write!(f, "{} of the file left{}, ", left.len(), names(left))?;
        write!(f, "{} of the network missing there or of another number of labels, drawn{}", drawn.len(), names(drawn))
    }
}

/// [`load`] from an open file.
pub(super) fn take<M: Named>(module: M, file: &Weights, path: &Path) -> Result<(M, Tally)> {
    let mut walk = Names::default();
    module.visit(&mut walk);
    let wanted: Vec<String> = walk.found.iter().map(|name| module.published(name)).collect();
    let file_names: Vec<&str> = file.names().collect();
    let looks =
        || family::guess(&|name| file.has(name)).map(|kind| format!(" they look like {kind};")).unwrap_or_default();
    let Some(family) = Family::of(&wanted, &|name| file.has(name)) else {
        return Err(file.error(format!(
            "none of its {} tensors ({}) belongs to this network;{} use weights of this network from torchvision or timm",
            file_names.len(),
            listed(&file_names),
            looks()
        )));
    };
    let mut source = |name: &str| {
        let name = family.name(name);
        file.has(&name).then(|| file.any(&name)).transpose()
    };
    let (loaded, drawn) = read(module, &mut source, path).map_err(|error| match error {
        HostError::Weights { path, problem } => HostError::Weights { path, problem: format!("{problem};{}", looks()) },
        other => other,
    })?;
    let mut left: Vec<String> = file.left().into_iter().map(str::to_owned).collect();
    let strange: Vec<&String> = left.iter().filter(|name| !family::may_be_left(name)).collect();
    if !strange.is_empty() {
        return Err(file.error(format!(
            "this network has no place for {}, so that it would compute something else;{} use weights of this network",
            listed(&strange),
            looks()
        )));
    }
    // A head of other labels was read and then left.
    left.extend(drawn.iter().map(|name| family.name(name)).filter(|name| file.has(name)));
    Ok((loaded, Tally { family, taken: wanted.len() - drawn.len(), left, drawn }))
}

/// `module` with the tensors that `source` knows by torchvision's names, and the names of those that stayed as they were.
pub(super) fn read<M: Named>(
    module: M,
    source: &mut dyn FnMut(&str) -> Result<Option<Stored>>,
    path: &Path,
) -> Result<(M, Vec<String>)> {
    let mut names = Names::default();
    module.visit(&mut names);
    let published: Vec<String> = names.found.iter().map(|name| module.published(name)).collect();
    let heads = module.head_names();
    let mut fill = Fill {
        published: published.into_iter(),
        place: Place::default(),
        heads,
        source,
        path,
        drawn: Vec::new(),
        problem: None,
    };
    let filled = module.map(&mut fill);
    match fill.problem {
        Some(problem) => Err(problem),
        None => Ok((filled, fill.drawn)),
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
    /// Names of what stays as it was drawn.
    drawn: Vec<String>,
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
                self.drawn.push(name.to_owned());
                return Ok(None);
            }
            return Err(error(format!(
                "the tensor `{name}` is missing; use weights of this network in the names of torchvision or timm"
            )));
        };
        if found.shape == wanted || flattened(&found.shape) == wanted {
            let values = found.values;
            return Ok(Some(if self.place.transposed() { transpose(&values, wanted[1]) } else { values }));
        }
        if let ([outputs, 3, h, w], [same, 1, sh, sw]) = (found.shape.as_slice(), wanted.as_slice())
            && (outputs, h, w) == (same, sh, sw)
        {
            return Ok(Some(grey(&found.values, h * w)));
        }
        if head {
            log::debug!("{}: `{name}` has shape {:?}, {wanted:?} is needed", self.path.display(), found.shape);
            self.drawn.push(name.to_owned());
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

/// Shape of a fully connected layer that timm keeps as a convolution over the whole map: `[outputs, c, h, w]` as
/// `[outputs, c h w]`, the order in which PyTorch flattens a map.
fn flattened(shape: &[usize]) -> Vec<usize> {
    match shape {
        [outputs, inputs @ ..] if inputs.len() == 3 => vec![*outputs, inputs.iter().product()],
        other => other.to_vec(),
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
        assert_eq!(flattened(&[4, 3, 2, 5]), [4, 30]);
        assert_eq!(flattened(&[4, 30]), [4, 30]);
        assert_eq!(transpose(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 3), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
        let kernels: Vec<f32> = (0_u8..12).map(f32::from).collect();
        assert_eq!(grey(&kernels, 2), [0.0 + 2.0 + 4.0, 1.0 + 3.0 + 5.0, 6.0 + 8.0 + 10.0, 7.0 + 9.0 + 11.0]);
    }
}
