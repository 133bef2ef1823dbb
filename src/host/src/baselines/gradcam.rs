//! Where a classifier looked: Grad-CAM (Selvaraju et al., ICCV 2017).
//!
//! With `A_k` the channels of the last convolutional map and `y` the logit of the class,
//!
//! ```text
//! a_k = mean over the map of dy / dA_k,    L = relu(sum_k a_k A_k)
//! ```
//!
//! enlarged to the input bilinearly and divided by its greatest value.

use std::path::Path;

use burn::tensor::{Tensor, TensorData};

use super::build::{self, WithClassifier};
use super::classify::read;
use super::config::{Architecture, BaselineConfig};
use super::course::Done;
use super::layers::resize;
use super::network::Classifier;
use super::picture::ClassPicture;
use crate::error::{HostError, Result};
use crate::features::view::ViewMaker;
use crate::keeper::Keeper;

/// Weight of every pixel of the network's input for one class.
#[derive(Clone, Debug, PartialEq)]
pub struct HeatMap {
    /// The class that the map explains.
    pub class: usize,
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// 0 to 1, row by row; all 0 where nothing speaks for the class.
    pub values: Vec<f32>,
}

/// Heat maps of `pictures` by the trained network in `folder`: for the class of each in `classes`, or where there are none for
/// that which each picture is taken for. Maps cover the network's input, that is the picture as it is cropped and fitted.
///
/// # Errors
/// [`HostError::Missing`] where `folder` holds no finished training, [`HostError::Damaged`] where it is that of another
/// network, [`HostError::Config`] for a class that there is not or pictures without one, [`HostError::Picture`].
pub fn gradcam(
    architecture: Architecture,
    config: &BaselineConfig,
    folder: &Path,
    pictures: &[ClassPicture],
    classes: Option<&[usize]>,
) -> Result<Vec<HeatMap>> {
    config.check(architecture).map_err(|problem| HostError::config(folder, problem))?;
    if let Some(class) = classes.and_then(|classes| classes.iter().find(|class| **class >= config.labels.len())) {
        return Err(HostError::config(folder, format!("class {class}, but only {} labels", config.labels.len())));
    }
    if let Some(classes) = classes.filter(|classes| classes.len() != pictures.len()) {
        let counts = (classes.len(), pictures.len());
        return Err(HostError::config(folder, format!("{} classes for {} pictures", counts.0, counts.1)));
    }
    let device = config.device.training();
    build::classifier(architecture, config, &device, Explain { config, folder, pictures, classes })
}

struct Explain<'a> {
    config: &'a BaselineConfig,
    folder: &'a Path,
    pictures: &'a [ClassPicture],
    classes: Option<&'a [usize]>,
}

impl WithClassifier for Explain<'_> {
    type Answer = Vec<HeatMap>;

    fn run<C: Classifier>(self, network: C) -> Result<Vec<HeatMap>> {
        let config = self.config;
        let input = &config.input;
        let (height, width) = (input.height as usize, input.width as usize);
        let network = Keeper::new(self.folder.to_owned()).best::<C, Done>(network)?;
        let device = config.device.training();
        let judged = network.valid();
        let none = crate::augment::AugmentConfig::none();
        let mut views = ViewMaker::new(input, &none).map_err(|e| HostError::config(self.folder, e))?;
        let mut maps = Vec::with_capacity(self.pictures.len());
        for (index, chunk) in self.pictures.chunks(config.batch).enumerate() {
            let mut values = vec![0.0; input.values() * chunk.len()];
            for (picture, out) in chunk.iter().zip(values.chunks_exact_mut(input.values())) {
                let problem = |problem| HostError::Picture { path: picture.file.clone(), problem };
                views.plain(picture.view()?, out).map_err(problem)?;
            }
            let values = TensorData::new(values, [chunk.len(), input.channels, height, width]);
            let features = judged.maps(Tensor::from_data(values, &device).inner());
            // Only what follows the map is differentiated; it holds no normalisation, so that its training mode changes nothing.
            let features = Tensor::from_inner(features).require_grad();
            let logits = network.head(features.clone(), None);
            let classes = self.classes(index * config.batch, &read(logits.clone())?);
            let chosen: Vec<f32> = classes
                .iter()
                .flat_map(|&c| (0..config.labels.len()).map(move |k| if k == c { 1.0 } else { 0.0 }))
                .collect();
            let chosen = Tensor::<2>::from_data(TensorData::new(chosen, logits.dims()), &device);
            let gradients = (logits * chosen).sum().backward();
            let Some(gradient) = features.grad(&gradients) else {
                return Err(HostError::Diverged("the map has no gradient".to_owned()));
            };
            let weighted = gradient.mean_dims(&[2, 3]) * features.inner();
            let heat = burn::tensor::activation::relu(weighted.sum_dim(1));
            let heat = read(resize(heat, [height, width]))?;
            for (class, values) in classes.into_iter().zip(heat.chunks(height * width)) {
                let greatest = values.iter().copied().fold(0.0, f32::max);
                let scale = if greatest > 0.0 { 1.0 / greatest } else { 0.0 };
                maps.push(HeatMap { class, width, height, values: values.iter().map(|v| v * scale).collect() });
            }
        }
        Ok(maps)
    }
}

impl Explain<'_> {
    /// Class to explain for every row of logits, of which the first belongs to picture `first`.
    fn classes(&self, first: usize, logits: &[f32]) -> Vec<usize> {
        let greatest = |row: &[f32]| {
            let best = row.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
            best.map_or(0, |(class, _)| class)
        };
        let rows = logits.chunks(self.config.labels.len()).enumerate();
        rows.map(|(row, logits)| self.classes.map_or_else(|| greatest(logits), |classes| classes[first + row]))
            .collect()
    }
}
