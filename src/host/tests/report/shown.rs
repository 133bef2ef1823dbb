//! Heat maps and outlines of a made study, without and with their pictures.

use std::fs;
use std::path::Path;

use image::{GrayImage, Luma};
use ushydra_host::report::{Collected, Images, Written, write};
use ushydra_host::study::record::{CellRecord, Task};

use super::made;

fn cells() -> Vec<CellRecord> {
    vec![
        made::classifier("vit", "split-0", "", 2.0, false),
        made::classifier("ushydra-vit", "split-0", "", 2.2, true),
        made::classifier("resnet18", "split-0", "", 1.0, false),
        made::segmenter("unet", "", 0.9, false),
    ]
}

/// An explained study below `folder`, and its pictures.
fn study(folder: &Path) -> Vec<CellRecord> {
    let cells = cells();
    made::write(folder, &cells);
    for cell in &cells {
        made::explain(folder, cell);
    }
    for name in ["picture-0.png", "picture-1.png", "head-0.png", "head-1.png"] {
        let file = folder.join("pictures").join(name);
        fs::create_dir_all(folder.join("pictures")).unwrap();
        GrayImage::from_pixel(40, 30, Luma([90])).save(file).unwrap();
    }
    cells
}

fn report(folder: &Path, images: bool) -> (String, Written) {
    let mut study = Collected::read(folder).unwrap();
    study.draws.resamples = 50;
    let out = folder.join("r.html");
    let images = images.then(|| Images::new(folder).unwrap());
    let written = write(&study, images.as_ref(), &out, Some(&folder.join("plots"))).unwrap();
    (fs::read_to_string(out).unwrap(), written)
}

/// Files of the plots that begin with `start`, and have `ending`.
fn plots(folder: &Path, start: &str, ending: &str) -> usize {
    let names = fs::read_dir(folder.join("plots")).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    names.filter(|n| n.starts_with(start) && n.ends_with(ending)).count()
}

#[test]
fn heat_maps_and_outlines_stand_without_pictures() {
    let dir = tempfile::tempdir().unwrap();
    study(dir.path());
    let (page, written) = report(dir.path(), false);
    assert!(written.problems.is_empty(), "{:?}", written.problems);
    // The systems on one encoder share their four maps; the network has its own.
    assert_eq!(page.matches("src=\"data:image/png;base64,").count(), 8);
    assert!(page.contains("attention rollout of the encoder that they share") && page.contains("resnet18: Grad-CAM"));
    assert!(page.contains("brain: mean of 30 pictures, at most 0.97"), "no caption");
    assert!(!page.contains("<image"), "a picture without being asked for");
    assert_eq!((page.matches("points=\"10,5 30,5 30,25 10,25\"").count(), written.pictures), (2, 10));
    assert!(page.contains("Worst: Dice ") && page.contains("Best: Dice ") && page.contains("linear-gradient(90deg,#"));
    assert_eq!((plots(dir.path(), "heat-", ".png"), plots(dir.path(), "outlines-", ".svg")), (8, 2));
    assert_eq!(plots(dir.path(), "outlines-", ".png"), 2);
}

#[test]
fn pictures_are_shown_where_they_are_given() {
    let dir = tempfile::tempdir().unwrap();
    study(dir.path());
    let (page, written) = report(dir.path(), true);
    assert!(written.problems.is_empty(), "{:?}", written.problems);
    // Two cases of each of three classifiers on their pictures, two of the segmenter below its outlines.
    assert_eq!(
        (page.matches("src=\"data:image/png;base64,").count(), page.matches("<image href=\"data:").count()),
        (14, 2)
    );
    assert!(page.contains("alt=\"Worst: ") && page.contains("; picture-0.png\""));
    // Plots are passed on more easily than the page: none of them holds a picture.
    assert_eq!((plots(dir.path(), "case-", ""), plots(dir.path(), "outlines-", "")), (0, 0));
}

#[test]
fn pictures_that_do_not_belong_are_named() {
    let dir = tempfile::tempdir().unwrap();
    study(dir.path());
    let picture = |name: &str| dir.path().join("pictures").join(name);
    fs::remove_file(picture("picture-0.png")).unwrap();
    GrayImage::new(80, 60).save(picture("head-0.png")).unwrap();
    fs::write(picture("head-1.png"), "text").unwrap();
    let (page, written) = report(dir.path(), true);
    // A picture is named by every system that would show it.
    assert_eq!(written.problems.len(), 5, "{:?}", written.problems);
    let problem = |words: &str| written.problems.iter().any(|p| p.contains(words));
    assert!(problem("picture-0.png is missing") && problem("the folder that `compare --root` had"));
    assert!(problem("it is 80x60, but the study judged a picture of 40x30") && problem("head-1.png"));
    assert!(page.contains("could not be shown") && page.contains("80x60"));
    // Outlines stand alone then.
    assert!(!page.contains("<image") && page.matches("points=\"10,5 30,5 30,25 10,25\"").count() == 2);
    let error = Images::new(&dir.path().join("gone")).unwrap_err().to_string();
    assert!(error.contains("gone is missing") && error.contains("--images"), "{error}");
}

#[test]
fn explanations_that_do_not_belong_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let cells = study(dir.path());
    let at = |index: usize| dir.path().join("cells").join(cells[index].key.slug()).join("explained.json");
    let text = fs::read_to_string(at(3)).unwrap();
    for (index, text) in [
        (0, "{".to_owned()),
        (1, fs::read_to_string(at(1)).unwrap().replacen("\"record\": \"", "\"record\": \"0", 1)),
        (3, text.replace("head-0.png", "head-999.png")),
    ] {
        fs::write(at(index), text).unwrap();
    }
    let (page, written) = report(dir.path(), false);
    assert_eq!(written.problems.len(), 3, "{:?}", written.problems);
    assert!(written.problems.iter().all(|p| p.contains("explained.json") && p.contains("compare --explain")));
    assert!(page.contains("resnet18: Grad-CAM") && page.contains("No outlines: `ushydra-host compare --explain`"));
    for (from, to) in [
        ("10,5 30,5", "10,5 41,5"),
        ("\"kind\": \"outlines\"", "\"kind\": \"heat\""),
        ("\"size\": [\n        40", "\"size\": [\n        0"),
        ("10,5 30,5 30,25 10,25", "\\\"/><script>"),
    ] {
        assert!(text.contains(from), "{from}");
        fs::write(at(3), text.replace(from, to)).unwrap();
        let (page, written) = report(dir.path(), false);
        assert!(written.problems.len() == 3 && !page.contains("<script"), "{from}: {:?}", written.problems);
    }
    // A crop beyond the picture, also one whose end no number holds.
    fs::write(at(3), text).unwrap();
    let heat = fs::read_to_string(at(2)).unwrap();
    for left in [9, u32::MAX] {
        let mut changed: serde_json::Value = serde_json::from_str(&heat).unwrap();
        changed["cases"][0]["detail"]["crop"][0] = left.into();
        fs::write(at(2), changed.to_string()).unwrap();
        assert_eq!(report(dir.path(), true).1.problems.len(), 3, "{left}");
    }
    assert_eq!(cells[3].task, Task::Segment);
}
