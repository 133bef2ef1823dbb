//! The operators as plain loops in f64: slow, and easy to see to be right.

/// A row-major matrix product `[m, k] x [k, n]`.
pub(crate) fn matmul(a: &[f64], b: &[f64], [m, k, n]: [usize; 3]) -> Vec<f64> {
    let mut product = vec![0.0; m * n];
    for row in 0..m {
        for column in 0..n {
            product[row * n + column] = (0..k).map(|i| a[row * k + i] * b[i * n + column]).sum();
        }
    }
    product
}

/// Adds a vector to each row.
pub(crate) fn add_rows(matrix: &[f64], vector: &[f64]) -> Vec<f64> {
    matrix.iter().enumerate().map(|(index, value)| value + vector[index % vector.len()]).collect()
}

/// Rows and columns exchanged.
pub(crate) fn transpose(matrix: &[f64], columns: usize) -> Vec<f64> {
    let rows = matrix.len() / columns;
    (0..matrix.len()).map(|index| matrix[index % rows * columns + index / rows]).collect()
}

/// `exp(x) / sum(exp(x))` of each row.
pub(crate) fn softmax(matrix: &[f64], columns: usize) -> Vec<f64> {
    let mut result = Vec::new();
    for row in matrix.chunks(columns) {
        let largest = row.iter().copied().fold(f64::MIN, f64::max);
        let sum = row.iter().map(|value| (value - largest).exp()).sum::<f64>();
        result.extend(row.iter().map(|value| (value - largest).exp() / sum));
    }
    result
}

/// Layer normalisation of each row.
pub(crate) fn layer_norm(matrix: &[f64], scale: &[f64], bias: &[f64], epsilon: f64) -> Vec<f64> {
    let mut result = Vec::new();
    for row in matrix.chunks(scale.len()) {
        let count = row.len() as f64;
        let mean = row.iter().sum::<f64>() / count;
        let variance = row.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
        let root = (variance + epsilon).sqrt();
        result.extend(row.iter().enumerate().map(|(i, value)| (value - mean) / root * scale[i] + bias[i]));
    }
    result
}

/// The Gauss error function by its power series, which is enough for the small arguments of the tests.
pub(crate) fn erf(x: f64) -> f64 {
    const TERMS: u32 = 200;
    let (mut term, mut sum) = (x, x);
    for n in 1..TERMS {
        let n = f64::from(n);
        term *= -x * x / n;
        sum += term / (2.0 * n + 1.0);
    }
    sum * 2.0 / std::f64::consts::PI.sqrt()
}

/// The exact Gaussian error linear unit.
pub(crate) fn gelu(x: f64) -> f64 {
    x * 0.5 * (1.0 + erf(x / std::f64::consts::SQRT_2))
}

/// Sizes of a convolution of one picture.
#[derive(Clone, Copy)]
pub(crate) struct Conv {
    /// Channels, height and width of the input.
    pub(crate) input: [usize; 3],
    /// Output channels, kernel height, kernel width.
    pub(crate) kernel: [usize; 3],
    /// Vertical and horizontal.
    pub(crate) stride: [usize; 2],
    /// Vertical and horizontal.
    pub(crate) padding: [usize; 2],
    /// Groups of channels.
    pub(crate) groups: usize,
}

impl Conv {
    /// Height and width of the output.
    pub(crate) fn output(&self) -> [usize; 2] {
        [0, 1]
            .map(|axis| (self.input[1 + axis] + 2 * self.padding[axis] - self.kernel[1 + axis]) / self.stride[axis] + 1)
    }

    /// The convolution of `x` with `kernel`, plus `bias`.
    pub(crate) fn run(&self, x: &[f64], kernel: &[f64], bias: &[f64]) -> Vec<f64> {
        let [channels, height, width] = self.input;
        let [outputs, kernel_height, kernel_width] = self.kernel;
        let [rows, columns] = self.output();
        let per_group = channels / self.groups;
        let mut result = Vec::new();
        for (output, bias) in bias.iter().enumerate() {
            let first = output / (outputs / self.groups) * per_group;
            for row in 0..rows {
                for column in 0..columns {
                    let mut sum = *bias;
                    for channel in 0..per_group {
                        for ky in 0..kernel_height {
                            for kx in 0..kernel_width {
                                let y = (row * self.stride[0] + ky).wrapping_sub(self.padding[0]);
                                let x_ = (column * self.stride[1] + kx).wrapping_sub(self.padding[1]);
                                if y < height && x_ < width {
                                    let tap = ((output * per_group + channel) * kernel_height + ky) * kernel_width + kx;
                                    sum += kernel[tap] * x[((first + channel) * height + y) * width + x_];
                                }
                            }
                        }
                    }
                    result.push(sum);
                }
            }
        }
        result
    }
}
