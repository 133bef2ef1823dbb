//! Where the classifiers of a study looked.

use std::path::PathBuf;

use ushydra_bundle::{InputSpec, Preprocessor, Rect};

use super::cases::chosen;
use super::grid::Heat;
use super::rollout::{Attentive, write_attentive};
use super::{Case, Detail, Mean, below, tested};
use crate::baselines::{Architecture, BaselineConfig, ClassPicture, HeatMap, gradcam};
use crate::error::{HostError, Result};
use crate::evaluate::metrics::argmax;
use crate::parallel;
use crate::study::networks;
use crate::study::planes::Planes;
use crate::study::record::{Answer, CellRecord};
use crate::study::work::Work;

/// The encoder with its attention, within the cell's folder while it is needed.
const ATTENTIVE: &str = "attention.onnx";

/// One picture as a network looked at it.
struct Looked {
    heat: Heat,
    crop: Rect,
    size: [u32; 2],
}

/// Mean heat and cases of a cell whose heat knows no classes: attention rollout of the shared encoder.
///
/// # Errors
/// Those of pictures and engine, [`HostError::Stopped`].
pub(super) fn attention(planes: &Planes, work: &Work<'_>, record: &CellRecord) -> Result<(Vec<Mean>, Vec<Case>)> {
    let encoder = planes.encoder()?;
    let graph = work.folder.path.join(ATTENTIVE);
    let blocks = write_attentive(encoder.path(), &graph)?;
    let pictures = tested(&planes.items, work, record)?;
    let bar = work.progress.bar(&format!("{} attention", work.key.system), pictures.len());
    let looked = parallel::map(
        &pictures,
        work.threads,
        &bar,
        || None,
        |tools: &mut Option<Attentive>, &picture| {
            if tools.is_none() {
                *tools = Some(Attentive::load(&graph, blocks, &planes.recipe.input)?);
            }
            let Some(tools) = tools else { return Err(HostError::Stopped) };
            let seen = tools.see(&planes.samples[picture].file)?;
            Ok(Looked { heat: seen.heat, crop: seen.crop, size: seen.size })
        },
    );
    // The graph was only a way to the engine, also where it failed.
    let _ = std::fs::remove_file(&graph);
    let looked = looked?;
    let labels: Vec<Option<usize>> = record.frames.iter().map(truth).collect();
    let cases = chosen(record).into_iter().map(|(frame, end)| {
        let detail = detail(&looked[frame]);
        case(planes, work, record, (frame, pictures[frame]), looked[frame].size, end, detail)
    });
    Ok((means(&labels, looked.iter().map(|l| &l.heat), record.labels.len()), cases.collect()))
}

/// Mean heat and cases of a convolutional network: Grad-CAM of the truth for the means, and of the answer for the cases.
///
/// # Errors
/// Those of [`gradcam`], [`HostError::Stopped`].
pub(super) fn convolutional(
    planes: &Planes,
    work: &Work<'_>,
    (architecture, config): (Architecture, BaselineConfig),
    record: &CellRecord,
) -> Result<(Vec<Mean>, Vec<Case>)> {
    let folder = networks::folder(&work.folder.path);
    let pictures = tested(&planes.items, work, record)?;
    let mut places = Places::new(&config.input)?;
    let load = |frame: usize| {
        let picture = pictures[frame];
        ClassPicture::load(&planes.samples[picture], truth(&record.frames[frame]), work.sides.domain[picture])
    };
    let mut look = |frames: &[usize], class: &dyn Fn(usize) -> usize| -> Result<Vec<Looked>> {
        let bar = work.progress.bar(&format!("{} heat maps", work.key.system), frames.len());
        let mut looked = Vec::with_capacity(frames.len());
        // A few pictures at a time are in memory.
        for chunk in frames.chunks(config.batch.max(1)) {
            let pictures = chunk.iter().map(|&frame| load(frame)).collect::<Result<Vec<ClassPicture>>>()?;
            let classes: Vec<usize> = chunk.iter().map(|&frame| class(frame)).collect();
            for (map, picture) in
                gradcam(architecture, &config, &folder, &pictures, Some(&classes))?.into_iter().zip(&pictures)
            {
                looked.push(places.of(map, picture)?);
                bar.step()?;
            }
        }
        bar.done();
        Ok(looked)
    };
    let labelled: Vec<usize> = (0..record.frames.len()).filter(|&f| truth(&record.frames[f]).is_some()).collect();
    let looked = look(&labelled, &|frame| truth(&record.frames[frame]).unwrap_or_default())?;
    let labels: Vec<Option<usize>> = labelled.iter().map(|&frame| truth(&record.frames[frame])).collect();
    let means = means(&labels, looked.iter().map(|l| &l.heat), record.labels.len());
    let chosen = chosen(record);
    let frames: Vec<usize> = chosen.iter().map(|(frame, _)| *frame).collect();
    let looked = look(&frames, &|frame| answer(&record.frames[frame].answer))?;
    let cases = chosen.into_iter().zip(&looked).map(|((frame, end), looked)| {
        case(planes, work, record, (frame, pictures[frame]), looked.size, end, detail(looked))
    });
    Ok((means, cases.collect()))
}

/// Finds where a network's input lies in its picture.
struct Places {
    preprocessor: Preprocessor,
    tensor: Vec<f32>,
}

impl Places {
    fn new(input: &InputSpec) -> Result<Self> {
        let preprocessor = Preprocessor::new(input).map_err(|e| HostError::Dataset(e.to_string()))?;
        Ok(Self { preprocessor, tensor: vec![0.0; input.values()] })
    }

    fn of(&mut self, map: HeatMap, picture: &ClassPicture) -> Result<Looked> {
        let problem = |problem: String| HostError::Picture { path: picture.file.clone(), problem };
        let done = self.preprocessor.run(picture.view()?, &mut self.tensor).map_err(|e| problem(e.to_string()))?;
        let mapping = *done.mapping();
        let heat = Heat::new(map.values, [map.width as u32, map.height as u32], mapping.fitted)
            .ok_or_else(|| problem("its heat map has another size than the network's input".to_owned()))?;
        Ok(Looked { heat, crop: mapping.crop, size: [picture.geometry.width, picture.geometry.height] })
    }
}

fn truth(frame: &crate::study::record::Frame) -> Option<usize> {
    match &frame.answer {
        Answer::Class { label, .. } => *label,
        Answer::Mask { .. } => None,
    }
}

fn answer(answer: &Answer) -> usize {
    match answer {
        Answer::Class { probabilities, .. } => argmax(probabilities),
        Answer::Mask { .. } => 0,
    }
}

/// Mean heat of every label that has pictures.
fn means<'a>(labels: &[Option<usize>], heat: impl Iterator<Item = &'a Heat> + Clone, count: usize) -> Vec<Mean> {
    let mean = |label: usize| {
        let own = labels.iter().zip(heat.clone()).filter(|(l, _)| **l == Some(label));
        let own: Vec<Heat> = own.map(|(_, heat)| heat.clone()).collect();
        Some(Mean { label, pictures: own.len(), grid: Heat::mean(&own)?.kept() })
    };
    (0..count).filter_map(mean).collect()
}

fn detail(looked: &Looked) -> Detail {
    let Rect { x, y, width, height } = looked.crop;
    Detail::Heat { crop: [x, y, width, height], grid: looked.heat.kept() }
}

fn case(
    planes: &Planes,
    work: &Work<'_>,
    record: &CellRecord,
    (frame, picture): (usize, usize),
    size: [u32; 2],
    end: super::End,
    detail: Detail,
) -> Case {
    let file: &PathBuf = &planes.samples[picture].file;
    let name = record.frames[frame].name.clone();
    Case { name, file: below(work.root, file), frame: 0, size, end, detail }
}
