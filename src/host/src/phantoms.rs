//! `phantom`: a set of simulated pictures with exact masks, as a csv that training reads.

use std::path::Path;

use image::{GrayImage, ImageFormat};
use serde::Serialize;
use ushydra_phantom::{Phantom, PhantomFrame, Quality, QualityRange, Rng as PhantomRng, View};

use crate::error::{HostError, Result};
use crate::files;
use crate::parallel;
use crate::progress::Progress;
use crate::rng::Rng;

/// Name of the table in the output folder.
pub const TABLE: &str = "phantoms.csv";
/// Frame sizes that are drawn from: 4:3 of portable scanners, 16:9 of screens, square.
const SIZES: [(u32, u32); 3] = [(320, 240), (426, 240), (256, 256)];

/// What is simulated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PhantomSet {
    /// `a4c` or `fetal-head`.
    pub view: String,
    /// Quality domains: `low`, `high`.
    pub domains: Vec<String>,
    /// Phantoms (simulated patients) per domain.
    pub patients: usize,
    /// Frames per phantom, spread over a heart beat.
    pub frames: u32,
    /// Seed.
    pub seed: u64,
}

/// One line of the table.
#[derive(Debug, Serialize)]
struct Row {
    image: String,
    mask: String,
    domain: String,
    patient: String,
    pixel_mm: f64,
}

/// One phantom to draw.
struct Job<'a> {
    domain: &'a str,
    number: usize,
    range: QualityRange,
}

/// Writes `<out>/images/*.png`, `<out>/masks/*.png` and [`TABLE`]; the same set gives the same bytes on the same machine.
/// Returns the number of pictures.
///
/// # Errors
/// [`HostError::Dataset`] for an unknown view or domain or an empty set, file errors, [`HostError::Stopped`].
pub fn write(set: &PhantomSet, out: &Path, jobs: usize, progress: &Progress) -> Result<usize> {
    let view: View = set.view.parse().map_err(|e: ushydra_phantom::PhantomError| HostError::Dataset(e.to_string()))?;
    if set.patients == 0 || set.frames == 0 || set.domains.is_empty() {
        return Err(HostError::Dataset(
            "an empty set of phantoms; ask for at least one domain, patient and frame".into(),
        ));
    }
    let mut work = Vec::new();
    for domain in &set.domains {
        let range = range(domain)?;
        work.extend((0..set.patients).map(|number| Job { domain, number, range }));
    }
    for folder in ["images", "masks"] {
        let folder = out.join(folder);
        std::fs::create_dir_all(&folder).map_err(HostError::io("create the folder", &folder))?;
    }
    let bar = progress.bar("phantoms", work.len());
    let rows = parallel::map(&work, jobs, &bar, || (), |(), job| draw(job, view, set, out))?;
    let mut table = csv::Writer::from_writer(Vec::new());
    let path = out.join(TABLE);
    for row in rows.iter().flatten() {
        table.serialize(row).map_err(|e| HostError::damaged(&path, e))?;
    }
    let bytes = table.into_inner().map_err(|e| HostError::damaged(&path, e))?;
    files::write_atomic(&path, &bytes)?;
    files::write_json(&out.join("phantoms.json"), set)?;
    Ok(rows.iter().map(Vec::len).sum())
}

fn range(domain: &str) -> Result<QualityRange> {
    match domain {
        "low" => Ok(Quality::low()),
        "high" => Ok(Quality::high()),
        other => Err(HostError::Dataset(format!("phantoms have the domains low and high, not `{other}`"))),
    }
}

/// Draws the frames of one phantom.
fn draw(job: &Job<'_>, view: View, set: &PhantomSet, out: &Path) -> Result<Vec<Row>> {
    let number = job.number.to_string();
    let mut rng = Rng::labelled(set.seed, &["phantom", &set.view, job.domain, &number]);
    let quality = job.range.sample(&mut PhantomRng::new(rng.next_u64()));
    let size = SIZES[rng.below(SIZES.len())];
    let refused = |e: ushydra_phantom::PhantomError| HostError::Dataset(e.to_string());
    let mut phantom = Phantom::with_size(view, &quality, size, rng.next_u64()).map_err(refused)?;
    // Frames in order: each needs the one before it where the scanner smooths over time.
    let beat = (60.0 / phantom.heart_rate().max(1.0) * phantom.frame_rate()).max(1.0);
    let patient = format!("{}-{}", job.domain, job.number);
    let mut rows = Vec::new();
    for frame in 0..set.frames {
        let index = (f64::from(frame) * beat / f64::from(set.frames)).round() as u32;
        let done = phantom.frame(index);
        // A ventricle wholly outside the fan teaches nothing.
        if !done.mask.contains(&u8::MAX) {
            continue;
        }
        let file = format!("{patient}-{frame}.png");
        let (image, mask) = (format!("images/{file}"), format!("masks/{file}"));
        save(&out.join(&image), &done, &done.pixels)?;
        save(&out.join(&mask), &done, &done.mask)?;
        let row =
            Row { image, mask, domain: job.domain.to_owned(), patient: patient.clone(), pixel_mm: done.spacing_mm[1] };
        rows.push(row);
    }
    Ok(rows)
}

fn save(path: &Path, frame: &PhantomFrame, pixels: &[u8]) -> Result<()> {
    let problem = |problem: String| HostError::Picture { path: path.to_owned(), problem };
    let picture = GrayImage::from_raw(frame.width, frame.height, pixels.to_vec())
        .ok_or_else(|| problem("the frame has fewer pixels than its size says".to_owned()))?;
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png).map_err(|e| problem(e.to_string()))?;
    files::write_atomic(path, bytes.get_ref())
}
