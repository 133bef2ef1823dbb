//! Reductions.

use crate::error::OnnxError;
use crate::graph::{Graph, Value};
use crate::ops::rank;
use crate::proto::{int, ints};
use crate::shape;

impl Graph {
    /// Mean over `axes`, which stay as dimensions of 1 where `keep` is set.
    pub fn reduce_mean(&mut self, x: Value, axes: &[isize], keep: bool) -> Result<Value, OnnxError> {
        self.reduce("ReduceMean", x, axes, keep)
    }

    /// Largest element over `axes`, which stay as dimensions of 1 where `keep` is set.
    pub fn reduce_max(&mut self, x: Value, axes: &[isize], keep: bool) -> Result<Value, OnnxError> {
        self.reduce("ReduceMax", x, axes, keep)
    }

    /// Population standard deviation `sqrt(mean((x - mean(x))^2))` over `axes`, in two passes.
    pub fn standard_deviation(&mut self, x: Value, axes: &[isize], keep: bool) -> Result<Value, OnnxError> {
        let mean = self.reduce_mean(x, axes, true)?;
        let deviation = self.sub(x, mean)?;
        let squared = self.mul(deviation, deviation)?;
        let variance = self.reduce_mean(squared, axes, keep)?;
        self.sqrt(variance)
    }

    /// Mean over the two spatial dimensions of `[n, c, h, w]`, giving `[n, c, 1, 1]`.
    pub fn global_average_pool(&mut self, x: Value) -> Result<Value, OnnxError> {
        const NAME: &str = "GlobalAveragePool";
        let shape = self.shape_of(NAME, x)?;
        rank(NAME, "input", &shape, &[4], "four dimensions")?;
        self.node(NAME, &[x.into()], Vec::new(), &[shape[0], shape[1], 1, 1])
    }

    fn reduce(&mut self, operator: &'static str, x: Value, axes: &[isize], keep: bool) -> Result<Value, OnnxError> {
        let shape = self.shape_of(operator, x)?;
        let mut reduced =
            axes.iter().map(|axis| shape::axis(operator, *axis, shape.len())).collect::<Result<Vec<_>, _>>()?;
        reduced.sort_unstable();
        reduced.dedup();
        if reduced.is_empty() {
            return Err(OnnxError::Parameter {
                operator: operator.to_owned(),
                parameter: "axes",
                found: "an empty list".to_owned(),
                expected: "one axis or more".to_owned(),
            });
        }
        let sizes = shape.iter().enumerate().map(|(axis, size)| (reduced.contains(&axis), *size));
        let result = match keep {
            true => sizes.map(|(gone, size)| if gone { 1 } else { size }).collect::<Vec<_>>(),
            false => sizes.filter(|(gone, _)| !gone).map(|(_, size)| size).collect(),
        };
        let written = reduced.iter().map(|axis| *axis as i64).collect::<Vec<_>>();
        let attributes = vec![ints("axes", &written), int("keepdims", i64::from(keep))];
        self.node(operator, &[x.into()], attributes, &result)
    }
}
