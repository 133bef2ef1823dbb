//! The trained network as ONNX files: `encoder.onnx` with every skip map, one file per decoder.
//!
//! A batch normalisation in evaluation mode is affine and folded into the convolution before it:
//! `w' = w g / sqrt(v + e)`, `b' = b - m g / sqrt(v + e)` with its scale g, shift b, mean m and variance v.

use burn::nn::BatchNorm;
use burn::nn::conv::{Conv2d, ConvTranspose2d};
use ushydra_onnx::{Conv2d as ConvParameters, ConvTranspose2d as UpParameters, Graph, Pool2d, Storage, Value};

use super::network::VARIANCE_EPSILON;
use super::weights::values;
use super::{Decoder, DoubleConv, Encoder, FEATURES, IMAGE, LOGITS, UnetConfig};
use crate::error::{HostError, Result};

/// The graph `image [1, 1, h, w] -> features [1, f], skip0, .., bottleneck` with kernels stored as `storage`.
///
/// # Errors
/// [`HostError::Diverged`] for a weight that is not finite, [`HostError::Onnx`].
pub fn encoder_graph(
    encoder: &Encoder,
    config: UnetConfig,
    [height, width]: [usize; 2],
    storage: Storage,
) -> Result<Graph> {
    let mut graph = Graph::new("encoder").with_storage(storage);
    let image = graph.input(IMAGE, &[1, 1, height, width])?;
    let mut maps: Vec<Value> = Vec::new();
    for (index, level) in encoder.levels.iter().enumerate() {
        let input = match maps.last() {
            Some(&above) => graph.max_pool(above, Pool2d { kernel: [2, 2], stride: [2, 2], padding: [0, 0] })?,
            None => image,
        };
        maps.push(double_conv(&mut graph, &format!("level{index}"), level, input)?);
    }
    let features = features(&mut graph, &maps)?;
    graph.output(FEATURES, features)?;
    for (level, map) in maps.into_iter().enumerate() {
        graph.output(&config.map_name(level), map)?;
    }
    Ok(graph)
}

/// The graph `skip0, .., bottleneck -> logits [1, labels, h, w]` of one decoder.
///
/// # Errors
/// As [`encoder_graph`].
pub fn decoder_graph(
    name: &str,
    decoder: &Decoder,
    config: UnetConfig,
    [height, width]: [usize; 2],
    storage: Storage,
) -> Result<Graph> {
    let mut graph = Graph::new(name).with_storage(storage);
    let mut maps = Vec::new();
    for (level, &channels) in config.channels().iter().enumerate() {
        let shape = [1, channels, height >> level, width >> level];
        maps.push(graph.input(&config.map_name(level), &shape)?);
    }
    let mut levels = maps.into_iter().rev();
    let bottleneck = levels.next();
    let mut x = bottleneck.ok_or_else(|| HostError::Dataset("a UNet needs at least one level".to_owned()))?;
    for (index, ((up, block), skip)) in decoder.ups.iter().zip(&decoder.blocks).zip(levels).enumerate() {
        let raised = transposed(&mut graph, &format!("up{index}"), up, x)?;
        let joined = graph.concat(&[skip, raised], 1)?;
        x = double_conv(&mut graph, &format!("block{index}"), block, joined)?;
    }
    let weight = values(decoder.head.weight.val())?;
    let [outputs, ..] = decoder.head.weight.dims();
    let bias = bias(decoder.head.bias.as_ref().map(|b| b.val()), outputs)?;
    let logits = conv(&mut graph, "head", x, &decoder.head, &weight, &bias)?;
    graph.output(LOGITS, logits)?;
    Ok(graph)
}

/// Mean of every channel, then standard deviation, level by level: [`Encoder::features`].
fn features(graph: &mut Graph, maps: &[Value]) -> Result<Value> {
    let mut parts = Vec::with_capacity(2 * maps.len());
    for &map in maps {
        let channels = graph.shape(map)?[1];
        let mean = graph.reduce_mean(map, &[2, 3], true)?;
        let deviation = graph.sub(map, mean)?;
        let squared = graph.mul(deviation, deviation)?;
        let variance = graph.reduce_mean(squared, &[2, 3], true)?;
        let epsilon = graph.scalar(VARIANCE_EPSILON as f32)?;
        let floored = graph.add(variance, epsilon)?;
        let deviation = graph.sqrt(floored)?;
        parts.push(graph.reshape(mean, &[1, channels])?);
        parts.push(graph.reshape(deviation, &[1, channels])?);
    }
    Ok(graph.concat(&parts, 1)?)
}

fn double_conv(graph: &mut Graph, name: &str, block: &DoubleConv, x: Value) -> Result<Value> {
    let mut x = x;
    for (index, (layer, norm)) in [(&block.conv1, &block.norm1), (&block.conv2, &block.norm2)].into_iter().enumerate() {
        let (weight, bias) = folded(layer, norm)?;
        x = conv(graph, &format!("{name}.conv{}", index + 1), x, layer, &weight, &bias)?;
        x = graph.relu(x)?;
    }
    Ok(x)
}

/// Kernel and bias of a convolution with the batch normalisation after it.
fn folded(layer: &Conv2d, norm: &BatchNorm) -> Result<(Vec<f32>, Vec<f32>)> {
    let mut weight = values(layer.weight.val())?;
    let (gamma, beta) = (values(norm.gamma.val())?, values(norm.beta.val())?);
    let (mean, variance) = (values(norm.running_mean.value())?, values(norm.running_var.value())?);
    let mut shift = bias(layer.bias.as_ref().map(|b| b.val()), gamma.len())?;
    let kernel = weight.len() / gamma.len().max(1);
    for (channel, values) in weight.chunks_exact_mut(kernel.max(1)).enumerate() {
        let factor = f64::from(gamma[channel]) / (f64::from(variance[channel]) + norm.epsilon).sqrt();
        values.iter_mut().for_each(|w| *w = (f64::from(*w) * factor) as f32);
        let moved = f64::from(beta[channel]) + (f64::from(shift[channel]) - f64::from(mean[channel])) * factor;
        shift[channel] = moved as f32;
    }
    Ok((weight, shift))
}

fn bias(bias: Option<burn::tensor::Tensor<1>>, channels: usize) -> Result<Vec<f32>> {
    bias.map_or_else(|| Ok(vec![0.0; channels]), values)
}

fn conv(graph: &mut Graph, name: &str, x: Value, layer: &Conv2d, weight: &[f32], bias: &[f32]) -> Result<Value> {
    let shape = layer.weight.dims();
    let padding = [shape[2] / 2, shape[3] / 2];
    let kernel = graph.weight(&format!("{name}.weight"), &shape, weight)?;
    let bias = graph.weight(&format!("{name}.bias"), &[shape[0]], bias)?;
    Ok(graph.conv(x, kernel, Some(bias), ConvParameters { padding, ..ConvParameters::default() })?)
}

fn transposed(graph: &mut Graph, name: &str, layer: &ConvTranspose2d, x: Value) -> Result<Value> {
    let shape = layer.weight.dims();
    let weight = values(layer.weight.val())?;
    let shift = bias(layer.bias.as_ref().map(|b| b.val()), shape[1])?;
    let kernel = graph.weight(&format!("{name}.weight"), &shape, &weight)?;
    let shift = graph.weight(&format!("{name}.bias"), &[shape[1]], &shift)?;
    Ok(graph.conv_transpose(x, kernel, Some(shift), UpParameters { stride: [2, 2], ..UpParameters::default() })?)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use burn::module::Module;
    use burn::tensor::{Device, Tensor, TensorData};

    use super::*;
    use crate::rng::Rng;
    use crate::unet::Network;
    use crate::wired::{ModelFiles, Wired};

    /// Largest difference between burn and tract, relative to the larger of 1 and the value.
    const TOLERANCE: f32 = 1e-3;

    fn picture(rng: &mut Rng, height: usize, width: usize) -> Vec<f32> {
        (0..height * width).map(|_| rng.normal() as f32).collect()
    }

    fn differs(a: &[f32], b: &[f32]) -> f32 {
        assert_eq!(a.len(), b.len());
        a.iter().zip(b).map(|(a, b)| (a - b).abs() / a.abs().max(1.0)).fold(0.0, f32::max)
    }

    #[test]
    fn tract_computes_what_burn_computes() {
        let folder = tempfile::tempdir().unwrap();
        for (config, [height, width]) in
            [(UnetConfig { width: 4, depth: 2 }, [16, 24]), (UnetConfig { width: 8, depth: 4 }, [32, 16])]
        {
            let mut rng = Rng::new(11);
            let device = Device::flex().autodiff();
            let network = Network::seeded(config, 1, &device, &mut rng);
            // Running statistics that are not those of the first moment.
            for _ in 0..4 {
                let values = (0..3).flat_map(|_| picture(&mut rng, height, width)).collect::<Vec<f32>>();
                let batch = Tensor::from_data(TensorData::new(values, [3, 1, height, width]), &device);
                let _ = network.decoders[0].forward(&network.encoder.forward(batch));
            }
            let network = network.valid();
            let files = ModelFiles {
                encoder: folder.path().join("encoder.onnx"),
                decoders: vec![folder.path().join("decoder.onnx")],
            };
            encoder_graph(&network.encoder, config, [height, width], Storage::F32)
                .unwrap()
                .save(&files.encoder)
                .unwrap();
            decoder_graph("d", &network.decoders[0], config, [height, width], Storage::F32)
                .unwrap()
                .save(&files.decoders[0])
                .unwrap();
            let mut wired = Wired::load(&files, 1).unwrap();
            let values = picture(&mut rng, height, width);
            let image = TensorData::new(values.clone(), [1, 1, height, width]);
            let maps = network.encoder.forward(Tensor::from_data(image, &Device::flex()));
            let features = super::super::weights::values(Encoder::features(&maps)).unwrap();
            assert_eq!(features.len(), config.features());
            let logits = super::super::weights::values(network.decoders[0].forward(&maps)).unwrap();
            wired.encode(&values).unwrap();
            let worst =
                differs(&features, wired.output(FEATURES).unwrap()).max(differs(&logits, wired.decode(0).unwrap()));
            assert!(worst < TOLERANCE, "{config:?}: {worst}");
        }
    }

    #[test]
    fn weights_are_a_function_of_the_seed() {
        let graph = |seed| {
            let config = UnetConfig { width: 2, depth: 1 };
            let network = Network::seeded(config, 1, &Device::flex(), &mut Rng::new(seed));
            encoder_graph(&network.encoder, config, [4, 4], Storage::F16).unwrap().to_bytes().unwrap()
        };
        assert_eq!(graph(1), graph(1));
        assert_ne!(graph(1), graph(2));
    }
}
