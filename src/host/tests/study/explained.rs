//! What stands behind the answers of a finished study, and the report that shows it.

use std::collections::BTreeMap;

use ushydra_host::files;
use ushydra_host::report::{Collected, Images, write};
use ushydra_host::study::explain::{Detail, Explained, Method};

use crate::world::World;

/// Every main cell left what stands behind its answers, and the report shows it.
pub(crate) fn explained_and_reported(world: &World) {
    let explained = |slug: &str| {
        let cell = world.path(&format!("out/cells/{slug}"));
        Explained::read(&cell, &world.record(slug)).unwrap().unwrap_or_else(|| panic!("{slug} is not explained"))
    };
    let heat = ["resnet18", "vit", "ushydra-vit"].map(|system| explained(&format!("{system}.split-0.1")));
    for (found, method) in heat.iter().zip([Method::GradCam, Method::AttentionRollout, Method::AttentionRollout]) {
        assert_eq!((found.method, found.means.len(), found.cases.len()), (method, 4, 6));
        // So short a training may leave a plane for which nothing speaks.
        assert!(found.means.iter().all(|mean| mean.pictures > 0));
        assert!(found.means.iter().any(|mean| mean.grid.values().iter().any(|v| *v > 0)));
    }
    // One encoder, one attention; the network looks elsewhere for another plane.
    assert_eq!(heat[1].means, heat[2].means);
    assert!(heat[0].means.iter().any(|mean| mean.grid != heat[0].means[0].grid));
    for system in ["unet", "ushydra-unet", "fcn"] {
        let found = explained(&format!("{system}.split-0.1"));
        assert_eq!((found.method, found.cases.len()), (Method::Outlines, found.cases.len().min(6)));
        for case in &found.cases {
            let Detail::Outlines { reference, .. } = &case.detail else { panic!("{system}: no outlines") };
            assert!(reference[0].doubled_area() > 0, "{system}: {}", case.name);
        }
    }
    assert!(!world.path("out/cells/resnet18.split-0.1.noise=0_2/explained.json").exists());

    // Cells from before: the same from what their training kept, without training.
    let file = |slug: &str| world.path(&format!("out/cells/{slug}/explained.json"));
    let slugs = ["resnet18.split-0.1", "ushydra-vit.split-0.1", "ushydra-unet.split-0.1", "fcn.split-0.1"];
    let before = slugs.map(|slug| std::fs::read(file(slug)).unwrap());
    slugs.iter().for_each(|slug| std::fs::remove_file(file(slug)).unwrap());
    let trained = world.written("resnet18.split-0.1");
    // Nor does it matter that another build trained one of them on another device.
    let settings = world.path("out/cells/fcn.split-0.1/settings.json");
    let kept = std::fs::read_to_string(&settings).unwrap();
    let mut other: BTreeMap<String, String> = serde_json::from_str(&kept).unwrap();
    other.insert("device".to_owned(), files::sha256(b"Tch"));
    files::write_json(&settings, &other).unwrap();
    let printed = world.ok(&["--explain"]);
    assert!(printed.contains("explained fcn.split-0.1") && printed.contains("4 cells explained, 2 were"), "{printed}");
    assert_eq!(slugs.map(|slug| std::fs::read(file(slug)).unwrap()), before);
    assert_eq!(world.written("resnet18.split-0.1"), trained);
    std::fs::write(&settings, kept).unwrap();

    let mut study = Collected::read(&world.path("out")).unwrap();
    study.draws.resamples = 20;
    let page = |images: Option<&Images>| {
        let written = write(&study, images, &world.path("report.html"), None).unwrap();
        assert!(written.problems.is_empty(), "{:?}", written.problems);
        std::fs::read_to_string(world.path("report.html")).unwrap()
    };
    let alone = page(None);
    for part in ["resnet18: Grad-CAM", "attention rollout of the encoder that they share", "fcn: worst and best cases"]
    {
        assert!(alone.contains(part), "{part}");
    }
    assert!(alone.contains("<polygon points=") && alone.contains("Accuracy: USHydra-ViT minus the others"));
    assert!(!alone.contains("<image"));
    // Frames of the phantoms' cines and pictures of the classes are found below the same root.
    let shown = page(Some(&Images::new(world.folder.path()).unwrap()));
    assert!(
        shown.matches("<image href=\"data:").count() == shown.matches("<image").count() && shown.contains("<image")
    );
    assert!(shown.contains("ushydra-vit: worst and best cases"));
}
