//! Fits a head to standardised features.

use burn::optim::lr_scheduler::cosine::CosineAnnealingLrSchedulerConfig;
use burn::optim::{AdamConfig, GradientsParams, LBFGSConfig, LineSearchFn};
use burn::tensor::{Int, Tensor, TensorData, activation};

use super::network::{Network, device, initial};
use super::{Head, HeadConfig, Optimiser};
use crate::error::{HostError, Result};
use crate::rng::Rng;

/// Pairs of steps and gradient changes that L-BFGS remembers.
const HISTORY: usize = 10;
/// L-BFGS stops where no entry of the gradient exceeds this.
const GRADIENT_TOLERANCE: f64 = 1e-5;
/// L-BFGS stops where loss or parameters change by less.
const CHANGE_TOLERANCE: f64 = 1e-7;
/// Loss evaluations per L-BFGS iteration at most, on average.
const EVALUATIONS: usize = 4;

/// Standardised features of a training set, held once for every head that is fitted to it.
pub struct TrainingSet {
    x: Tensor<2>,
    rows: usize,
    width: usize,
    classes: usize,
}

impl TrainingSet {
    /// * `features`: `rows x width`, row-major, standardised.
    /// * `classes`: number of labels.
    ///
    /// # Errors
    /// [`HostError::Dataset`] for an empty set or lengths that disagree.
    pub fn new(features: Vec<f32>, width: usize, classes: usize) -> Result<Self> {
        if width == 0 || features.is_empty() || !features.len().is_multiple_of(width) || classes < 2 {
            return Err(HostError::Dataset(format!(
                "{} features in rows of {width} for {classes} classes cannot be trained on; at least one picture and two \
                 classes are needed",
                features.len()
            )));
        }
        let rows = features.len() / width;
        Ok(Self { x: Tensor::from_data(TensorData::new(features, [rows, width]), &device()), rows, width, classes })
    }

    /// Number of feature vectors.
    #[must_use]
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// `w_i / sum(w) * t_ij` with smoothed one-hot targets, `[n, classes]`; the weights of Eq. (1).
    fn targets(&self, labels: &[usize], weights: &[f64], smoothing: f64) -> Result<Vec<f32>> {
        let total: f64 = weights.iter().sum();
        let fits = labels.len() == self.rows && weights.len() == self.rows && total.is_finite() && total > 0.0;
        if !fits {
            return Err(HostError::Dataset(format!(
                "{} labels and {} weights (sum {total}) for {} pictures; every decoder needs a picture of weight above 0",
                labels.len(),
                weights.len(),
                self.rows
            )));
        }
        let even = smoothing / self.classes as f64;
        let mut targets = Vec::with_capacity(self.rows * self.classes);
        for (&label, weight) in labels.iter().zip(weights) {
            let class = |c: usize| (if c == label { 1.0 - smoothing + even } else { even }) * weight / total;
            targets.extend((0..self.classes).map(|c| class(c) as f32));
        }
        Ok(targets)
    }
}

/// Minimises `sum_i w_i CE(t_i, softmax(head(x_i))) / sum_i w_i + l2 / 2 |W - W_0|^2` (Eq. 1 with weights w).
///
/// `start` gives the first values and `W_0`; without it the head starts fresh and `W_0 = 0`. The result is a function
/// of the standardised features, the configuration and `seed` only.
///
/// # Errors
/// [`HostError::Dataset`] for lists that do not fit the set, [`HostError::Diverged`] where the loss is not finite.
pub fn fit(
    set: &TrainingSet,
    config: &HeadConfig,
    labels: &[usize],
    weights: &[f64],
    start: Option<&Head>,
    seed: u64,
) -> Result<Head> {
    let targets = set.targets(labels, weights, config.label_smoothing)?;
    let mut rng = Rng::labelled(seed, &["head"]);
    let fresh = initial(set.width, &config.hidden, set.classes, &mut rng);
    let first = start.unwrap_or(&fresh);
    let anchor = first.layers.iter().map(|layer| match start {
        Some(_) => TensorData::new(layer.weight.clone(), [layer.inputs, layer.outputs]),
        None => TensorData::zeros::<f32, _>([layer.inputs, layer.outputs]),
    });
    let anchor: Vec<Tensor<2>> = anchor.map(|data| Tensor::from_data(data, &device())).collect();
    let network = Network::from_head(first, &device());
    let problem = Problem { set, targets, anchor, l2: config.l2 };
    let network = match config.optimiser {
        Optimiser::Lbfgs { iterations } => problem.lbfgs(network, iterations)?,
        Optimiser::Adam { epochs, batch, learning_rate } => {
            problem.adam(network, epochs, batch, learning_rate, config.dropout, &mut rng)?
        }
    };
    let head = network.to_head()?;
    if head.layers.iter().any(|l| l.weight.iter().chain(&l.bias).any(|v| !v.is_finite())) {
        return Err(HostError::Diverged("a weight is not finite".to_owned()));
    }
    Ok(head)
}

struct Problem<'a> {
    set: &'a TrainingSet,
    targets: Vec<f32>,
    anchor: Vec<Tensor<2>>,
    l2: f64,
}

impl Problem<'_> {
    fn lbfgs(&self, network: Network, iterations: usize) -> Result<Network> {
        let shape = [self.set.rows, self.set.classes];
        let targets: Tensor<2> = Tensor::from_data(TensorData::new(self.targets.clone(), shape), &device());
        let mut optimiser = LBFGSConfig::new()
            .with_max_iter(iterations)
            .with_history_size(HISTORY)
            .with_tolerance_grad(GRADIENT_TOLERANCE)
            .with_tolerance_change(CHANGE_TOLERANCE)
            .with_max_eval(Some(iterations * EVALUATIONS + 1))
            .with_line_search_fn(LineSearchFn::StrongWolfe)
            .init();
        let evaluate = |network: Network| {
            let loss = self.loss(&network, network.forward(self.set.x.clone(), None), targets.clone());
            let gradients = GradientsParams::from_grads(loss.backward(), &network);
            (loss.into_scalar::<f64>(), gradients)
        };
        let (network, loss) = optimiser.step(1.0, network, evaluate);
        if loss.is_finite() { Ok(network) } else { Err(HostError::Diverged(format!("loss {loss}"))) }
    }

    fn adam(
        &self,
        mut network: Network,
        epochs: usize,
        batch: usize,
        learning_rate: f64,
        dropout: f64,
        rng: &mut Rng,
    ) -> Result<Network> {
        let (n, classes) = (self.set.rows, self.set.classes);
        let steps = epochs * n.div_ceil(batch);
        let mut schedule = CosineAnnealingLrSchedulerConfig::new(learning_rate, steps.max(1))
            .init()
            .map_err(|e| HostError::Diverged(e.to_string()))?;
        let mut optimiser = AdamConfig::new().init();
        let mut order: Vec<usize> = (0..n).collect();
        for _ in 0..epochs {
            rng.shuffle(&mut order);
            for chunk in order.chunks(batch) {
                let index: Vec<i64> = chunk.iter().map(|&i| i as i64).collect();
                let index: Tensor<1, Int> = Tensor::from_data(TensorData::new(index, [chunk.len()]), &device());
                // The targets sum to 1 over the whole set; a batch stands for its share of it.
                let share = n as f32 / chunk.len() as f32;
                let rows = chunk.iter().flat_map(|&i| &self.targets[i * classes..(i + 1) * classes]);
                let targets: Vec<f32> = rows.map(|t| t * share).collect();
                let targets = Tensor::from_data(TensorData::new(targets, [chunk.len(), classes]), &device());
                let x = self.set.x.clone().select(0, index);
                let dropout = (dropout > 0.0).then_some((dropout, &mut *rng));
                let loss = self.loss(&network, network.forward(x, dropout), targets);
                let gradients = GradientsParams::from_grads(loss.backward(), &network);
                network = optimiser.step(schedule.step(), network, gradients);
            }
        }
        Ok(network)
    }

    fn loss(&self, network: &Network, logits: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
        let entropy = (activation::log_softmax(logits, 1) * targets).sum().neg();
        if self.l2 > 0.0 { entropy + network.distance(&self.anchor).mul_scalar(0.5 * self.l2) } else { entropy }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::super::softmax;
    use super::*;

    /// Two clouds per class on a circle, so that a linear head cannot separate the hard labels but an MLP can.
    fn clouds(n: usize, hard: bool) -> (Vec<f32>, Vec<usize>) {
        let mut rng = Rng::new(5);
        let mut x = Vec::new();
        let mut y = Vec::new();
        for i in 0..n {
            let quarter = i % 4;
            let angle = std::f64::consts::FRAC_PI_2 * (quarter as f64 + 0.5);
            x.push((angle.cos() + 0.2 * rng.normal()) as f32);
            x.push((angle.sin() + 0.2 * rng.normal()) as f32);
            y.push(if hard { quarter % 2 } else { quarter / 2 });
        }
        (x, y)
    }

    fn config(hidden: Vec<usize>, optimiser: Optimiser) -> HeadConfig {
        HeadConfig { hidden, dropout: 0.0, label_smoothing: 0.0, l2: 1e-3, optimiser }
    }

    fn accuracy(head: &Head, x: &[f32], y: &[usize]) -> f64 {
        let right = x.chunks(2).zip(y).filter(|(x, y)| {
            let p = softmax(&head.logits(x));
            p[**y] > 0.5
        });
        right.count() as f64 / y.len() as f64
    }

    #[test]
    fn learns() {
        struct Case {
            config: HeadConfig,
            hard: bool,
        }
        let adam = Optimiser::Adam { epochs: 30, batch: 32, learning_rate: 0.02 };
        let lbfgs = Optimiser::Lbfgs { iterations: 60 };
        let cases = [
            Case { config: config(vec![], lbfgs.clone()), hard: false },
            Case { config: config(vec![], adam.clone()), hard: false },
            Case { config: config(vec![16], lbfgs), hard: true },
            Case { config: HeadConfig { dropout: 0.2, ..config(vec![32], adam) }, hard: true },
        ];
        for case in cases {
            let (x, y) = clouds(400, case.hard);
            let set = TrainingSet::new(x.clone(), 2, 2).unwrap();
            let head = fit(&set, &case.config, &y, &vec![1.0; 400], None, 1).unwrap();
            assert!(accuracy(&head, &x, &y) > 0.95, "{:?}", case.config);
            assert_eq!(head, fit(&set, &case.config, &y, &vec![1.0; 400], None, 1).unwrap(), "same seed, same head");
        }
    }

    #[test]
    fn gradient_vanishes_at_the_minimum() {
        let x = vec![-1.0, 0.5, 0.0, -1.0, 1.0, 1.0, 2.0, -0.5];
        let set = TrainingSet::new(x, 2, 2).unwrap();
        let config = HeadConfig { l2: 0.1, ..config(vec![], Optimiser::Lbfgs { iterations: 200 }) };
        let head = fit(&set, &config, &[0, 0, 1, 1], &[1.0; 4], None, 0).unwrap();
        let w = &head.layers[0].weight;
        // The gradient of the loss in f64, by hand.
        let mut gradient = [0.0_f64; 4];
        for (row, label) in [[-1.0, 0.5], [0.0, -1.0], [1.0, 1.0], [2.0, -0.5]].iter().zip([0, 0, 1, 1]) {
            let p = softmax(&head.logits(&[row[0] as f32, row[1] as f32]));
            for (class, p) in p.iter().enumerate() {
                let error = p - f64::from(u8::from(class == label));
                gradient[class] += row[0] * error / 4.0;
                gradient[2 + class] += row[1] * error / 4.0;
            }
        }
        for (g, w) in gradient.iter().zip(w) {
            assert!((g + 0.1 * f64::from(*w)).abs() < 1e-4, "{gradient:?} {w:?}");
        }
    }

    #[test]
    fn strong_anchor_keeps_the_start() {
        let (x, y) = clouds(100, false);
        let set = TrainingSet::new(x, 2, 2).unwrap();
        let lbfgs = Optimiser::Lbfgs { iterations: 60 };
        let start = fit(&set, &config(vec![], lbfgs.clone()), &y, &vec![1.0; 100], None, 1).unwrap();
        let flipped: Vec<usize> = y.iter().map(|y| 1 - y).collect();
        let tight = HeadConfig { l2: 1e4, ..config(vec![], lbfgs) };
        let kept = fit(&set, &tight, &flipped, &vec![1.0; 100], Some(&start), 1).unwrap();
        let change = start.layers[0].weight.iter().zip(&kept.layers[0].weight).map(|(a, b)| (a - b).abs());
        assert!(change.fold(0.0, f32::max) < 1e-3);
    }

    #[test]
    fn weightless_set_is_refused() {
        let set = TrainingSet::new(vec![1.0, 2.0], 1, 2).unwrap();
        let lbfgs = config(vec![], Optimiser::Lbfgs { iterations: 5 });
        assert!(fit(&set, &lbfgs, &[0, 1], &[0.0, 0.0], None, 0).is_err());
        assert!(TrainingSet::new(vec![], 1, 2).is_err());
    }
}
