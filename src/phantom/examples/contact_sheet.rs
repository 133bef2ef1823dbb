//! Writes a contact sheet of random phantoms as PGM: `contact_sheet VIEW DOMAIN FIRST_SEED COLUMNS ROWS OUT [masks] [cine] [stats] [WxH]`.

use std::io::Write;
use ushydra_phantom::{Phantom, Quality, Rng, View};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [view, domain, seed, columns, rows, out, rest @ ..] = words.as_slice() else {
        return Err(
            "usage: contact_sheet a4c|fetal-head low|high|both SEED COLUMNS ROWS OUT.pgm [masks] [cine] [stats] [WxH]"
                .into(),
        );
    };
    let view: View = view.parse()?;
    let (seed, columns, rows): (u64, usize, usize) = (seed.parse()?, columns.parse()?, rows.parse()?);
    let outline = rest.iter().any(|word| word == "masks");
    let cine = rest.iter().any(|word| word == "cine");
    let size = rest.iter().find_map(|word| word.split_once('x'));
    let (width, height): (usize, usize) = match size {
        Some((w, h)) => (w.parse()?, h.parse()?),
        None => (320, 240),
    };
    let mut sheet = vec![0u8; width * columns * height * rows];
    let (mut spent, mut made) = (0.0, 0.0);
    for place in 0..columns * rows {
        let number = seed + if cine { (place / columns) as u64 } else { place as u64 };
        let mut rng = Rng::new(number ^ 0xfeed);
        let high = match domain.as_str() {
            "both" => rng.chance(0.5),
            name => name == "high",
        };
        let range = if high { Quality::high() } else { Quality::low() };
        let quality = range.sample(&mut rng);
        let start = std::time::Instant::now();
        let mut phantom = Phantom::with_size(view, &quality, (width as u32, height as u32), number)?;
        made += start.elapsed().as_secs_f64();
        let start = std::time::Instant::now();
        let mut frame = phantom.frame(if cine { 3 * (place % columns) as u32 } else { 0 });
        spent += start.elapsed().as_secs_f64();
        if rest.iter().any(|word| word == "stats") {
            let inside: Vec<f64> =
                (0..frame.mask.len()).filter(|&k| frame.mask[k] > 0).map(|k| f64::from(frame.pixels[k])).collect();
            let mean = inside.iter().sum::<f64>() / inside.len().max(1) as f64;
            let variance = inside.iter().map(|p| (p - mean).powi(2)).sum::<f64>() / inside.len().max(1) as f64;
            let share = inside.len() as f64 / frame.mask.len() as f64;
            println!("seed {number}: target mean {mean:.1}, deviation {:.1}, share {share:.3}", variance.sqrt());
        }
        if outline {
            for k in width..width * (height - 1) {
                let m = &frame.mask;
                if m[k] > 0 && (m[k - 1] == 0 || m[k + 1] == 0 || m[k - width] == 0 || m[k + width] == 0) {
                    frame.pixels[k] = 255;
                }
            }
        }
        let (left, top) = (place % columns * width, place / columns * height);
        for row in 0..height {
            let to = (top + row) * width * columns + left;
            sheet[to..to + width].copy_from_slice(&frame.pixels[row * width..(row + 1) * width]);
        }
    }
    let mut file = std::fs::File::create(out)?;
    write!(file, "P5\n{} {}\n255\n", width * columns, height * rows)?;
    file.write_all(&sheet)?;
    let count = (columns * rows) as f64;
    println!("{:.1} ms to make, {:.1} ms a frame", made / count * 1e3, spent / count * 1e3);
    Ok(())
}
