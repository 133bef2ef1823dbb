//! Sets as their publishers lay them out.

use super::*;

/// A closed square outline of 6x6 in 10x8 pixels.
fn square_outline() -> Vec<u8> {
    let edge =
        |x: usize, y: usize| (2..8).contains(&x) && (1..7).contains(&y) && (x == 2 || x == 7 || y == 1 || y == 6);
    (0..80).map(|at| if edge(at % 10, at / 10) { 255 } else { 0 }).collect()
}

#[test]
fn hc18_outlines_are_filled() {
    let set = Set::new();
    for stem in ["010_HC", "010_2HC", "011_HC"] {
        set.png(&format!("training_set/{stem}.png"), 10, &[9; 80]);
        set.png(&format!("training_set/{stem}_Annotation.png"), 10, &square_outline());
    }
    set.png("test_set/000_HC.png", 10, &[9; 80]);
    let rows = "filename,pixel size(mm),head circumference (mm)\n010_HC.png,0.07,44.3\n010_2HC.png,0.08,56.81\n";
    set.write("training_set_pixel_size_and_HC.csv", rows);
    set.write("test_set_pixel_size.csv", "filename,pixel size(mm)\n000_HC.png,0.09\n");
    let samples = set.read();
    let names: Vec<String> = samples.iter().map(|s| name_of(&s.image)).collect();
    assert_eq!(names, ["010_2HC.png", "010_HC.png", "011_HC.png"]);
    assert_eq!(samples.iter().map(|s| &*s.patient).collect::<Vec<_>>(), ["010", "010", "011"]);
    assert_eq!((samples[0].pixel_mm, samples[0].head_circumference_mm), (Some([0.08, 0.08]), Some(56.81)));
    assert_eq!((samples[2].pixel_mm, &*samples[2].domain, samples[2].part), (None, "high", Some(Part::Train)));
    assert_eq!(area(&samples[0]), 36);

    let mut open = square_outline();
    open[13] = 0;
    set.png("training_set/011_HC_Annotation.png", 10, &open);
    assert!(refusal(&set.read()[2]).contains("the outline is open"));
}

#[test]
fn fetal_planes_meet_their_masks() {
    let set = Set::new();
    let csv = "Image_name;Patient_num;Plane;Brain_plane;Operator;US_Machine;Train \n\
               Patient01_Plane3_1_of_2;1;Fetal brain;Trans-thalamic;Op. 1;Voluson E6;1\n\
               Patient02_Plane3_1_of_1;2;Fetal brain;Trans-thalamic;Op. 1;Aloka;0\n\
               Patient03_Plane2_1_of_1;3;Fetal abdomen;Not A Brain;Op. 1;Aloka;0\n";
    set.write("FETAL_PLANES_DB_data.csv", csv);
    for stem in ["Patient01_Plane3_1_of_2", "Patient02_Plane3_1_of_1", "Patient03_Plane2_1_of_1"] {
        set.png(&format!("Images/{stem}.png"), 2, &[1, 2, 3, 4]);
    }
    set.png("Trans-thalamic/Masks/Patient01_Plane3_1_of_2.png", 2, &[0, 255, 0, 0]);
    set.png("head_masks/Patient02_Plane3_1_of_1_mask.png", 2, &[255, 255, 0, 0]);
    let samples = set.read();
    let seen: Vec<_> = samples.iter().map(|s| (&*s.patient, &*s.domain, s.part, area(s))).collect();
    assert_eq!(seen, [("Bcn1", "low", Some(Part::Train), 1), ("Bcn2", "low", Some(Part::Test), 2)]);
}

const MHD: &str = "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\n\
                   ElementSpacing = 0.308 0.154 1\nDimSize = 3 2 1\nElementType = MET_UCHAR\nElementDataFile = ";

#[test]
fn camus_in_both_releases() {
    struct Case {
        old: bool,
        folder: &'static str,
    }
    for case in [Case { old: false, folder: "database_nifti/" }, Case { old: true, folder: "training/" }] {
        let set = Set::new();
        for (patient, quality) in [("patient0001", "Good"), ("patient0002", "Medium"), ("patient0003", "Poor")] {
            let base = format!("{}{patient}/", case.folder);
            for view in ["2CH", "4CH"] {
                set.write(
                    &format!("{base}Info_{view}.cfg"),
                    format!("ED: 1\nES: 20\nImageQuality: {quality}\nEF: 55\n"),
                );
                for instant in ["ED", "ES"] {
                    let stem = format!("{base}{patient}_{view}_{instant}");
                    for (suffix, samples) in [("", [1, 2, 3, 4, 5, 6]), ("_gt", [0, 1, 2, 3, 1, 0])] {
                        if case.old {
                            let raw = format!("{patient}_{view}_{instant}{suffix}.raw");
                            set.write(&format!("{stem}{suffix}.mhd"), format!("{MHD}{raw}\n"));
                            set.write(&format!("{base}{raw}"), samples);
                        } else {
                            set.write(&format!("{stem}{suffix}.nii.gz"), nifti([3, 2, 1], [0.308, 0.154], &samples));
                        }
                    }
                }
            }
            if !case.old {
                let cine = nifti([3, 2, 2], [0.308, 0.154], &[1; 12]);
                set.write(&format!("{base}{patient}_4CH_half_sequence.nii.gz"), &cine);
                set.write(&format!("{base}{patient}_4CH_half_sequence_gt.nii.gz"), &cine);
            }
        }
        if !case.old {
            set.write("database_split/subgroup_training.txt", "patient0001\n");
            set.write("database_split/subgroup_validation.txt", "patient0002\n");
            set.write("database_split/subgroup_testing.txt", "patient0003");
        }
        let samples = set.read();
        assert_eq!(samples.len(), 12);
        assert_eq!(samples.iter().step_by(4).map(|s| &*s.domain).collect::<Vec<_>>(), ["high", "medium", "low"]);
        let parts: Vec<_> = samples.iter().step_by(4).map(|s| s.part.unwrap()).collect();
        let published = [Part::Train, Part::Validation, Part::Test];
        assert_eq!(parts, if case.old { [Part::Train; 3] } else { published });
        assert_eq!(samples[0].name, "patient0001/patient0001_2CH_ED");
        let [x, y] = samples[0].pixel_mm.unwrap();
        assert!((x - 0.308).abs() < 1e-6 && (y - 0.154).abs() < 1e-6);
        for sample in &samples {
            let loaded = sample.load().unwrap();
            assert_eq!((loaded.width, loaded.height, &*loaded.image), (3, 2, [1, 2, 3, 4, 5, 6].as_slice()));
            assert_eq!(loaded.mask, [0, 1, 0, 0, 1, 0]);
        }
    }
}

#[test]
fn camus_without_a_quality_is_refused() {
    let set = Set::new();
    set.write("p/patient0001_4CH_ED_gt.nii.gz", nifti([1, 1, 1], [0.3, 0.2], &[1]));
    set.write("p/patient0001_4CH_ED.nii.gz", nifti([1, 1, 1], [0.3, 0.2], &[1]));
    let read = || MaskDataset::read(&[set.root()]).unwrap_err().to_string();
    assert!(read().contains("Info_4CH.cfg"), "{}", read());
    set.write("p/Info_4CH.cfg", "ImageQuality: Splendid\n");
    assert!(read().contains("`Splendid`"), "{}", read());
}

#[test]
fn echonet_tracings_meet_their_own_frames() {
    let set = Set::new();
    set.write(
        "EchoNet-Dynamic/FileList.csv",
        "FileName,EF,FPS,NumberOfFrames,Split\n0XA,55,50,4,TRAIN\n0XB,60,50,4,VAL\n0XC,61,50,4,TEST\n",
    );
    let mut tracings = "FileName,X1,Y1,X2,Y2,Frame\n".to_owned();
    // A long axis, then 20 chords: 8 wide in frame 1, 4 wide in frame 3.
    for (file, frame, half) in [("0XA", 3, 2.0), ("0XA", 1, 4.0), ("0XB", 0, 4.0), ("0XGONE", 0, 4.0)] {
        tracings.push_str(&format!("{file}.avi,8,2,8,12,{frame}\n"));
        for disc in 0..20 {
            let y = 2.5 + f64::from(disc) * 0.5;
            tracings.push_str(&format!("{file}.avi,{},{y},{},{y},{frame}\n", 7.5 - half, 7.5 + half));
        }
    }
    set.write("EchoNet-Dynamic/VolumeTracings.csv", &tracings);
    let video = avi(16, &[10, 60, 110, 160]);
    set.write("EchoNet-Dynamic/Videos/0XA.avi", &video);
    set.write("EchoNet-Dynamic/Videos/0XB.avi", &video[..video.len() / 2]);
    let samples = set.read();
    let seen: Vec<_> = samples.iter().map(|s| (&*s.patient, s.frame, s.part.unwrap())).collect();
    assert_eq!(seen, [("0XA", 1, Part::Train), ("0XA", 3, Part::Train), ("0XB", 0, Part::Validation)]);
    for (sample, level, width) in [(&samples[0], 60_u8, 8), (&samples[1], 160, 4)] {
        let loaded = sample.load().unwrap();
        assert!(loaded.image.iter().all(|v| v.abs_diff(level) < 3), "frame {}", sample.frame);
        // Rows 3 to 11, since the discs end at 12 and lie at half rows.
        let rows = loaded.mask.chunks(16).filter(|row| row.contains(&1)).count();
        assert_eq!((rows, area(sample) / rows), (9, width));
    }
    // The first frame of a file cut in half may be whole; the last one cannot.
    let cut = MaskSample { frame: 3, ..samples[2].clone() };
    assert!(refusal(&cut).contains("0XB.avi"), "{}", refusal(&cut));
    assert!(refusal(&cut).contains("cut"), "{}", refusal(&cut));
}

#[test]
fn echonet_with_a_missing_column_is_refused() {
    let set = Set::new();
    set.write("FileList.csv", "FileName,EF,Split\n0XA,55,TRAIN\n");
    set.write("VolumeTracings.csv", "FileName,X1,Y1,X2,Frame\n");
    let error = MaskDataset::read(&[set.root()]).unwrap_err().to_string();
    assert!(error.contains("column Y2 is missing"), "{error}");
}

#[test]
fn cardiac_uda_gives_the_labelled_frames_of_view_4() {
    let set = Set::new();
    let image: Vec<u8> = (1..=12).collect();
    let label = [0, 0, 0, 0, 1, 2, 3, 4, 0, 0, 3, 0];
    for stem in
        ["Site_G_20/patient-7-4", "Site_R_52/patient-7-4", "Site_G_20/patient-7-2", "label_all_frame/normal-3-4"]
    {
        set.write(&format!("{stem}_image.nii.gz"), nifti([2, 2, 3], [1.0, 1.0], &image));
        set.write(&format!("{stem}_label.nii.gz"), nifti([2, 2, 3], [1.0, 1.0], &label));
    }
    set.write("Site_R_73/patient-1-4_image.nii.gz", nifti([2, 2, 3], [1.0, 1.0], &image));
    let samples = set.read();
    let seen: Vec<_> = samples.iter().map(|s| (&*s.patient, s.frame, &*s.domain, s.pixel_mm)).collect();
    assert_eq!(seen, [("G-patient-7", 1, "unseen", None), ("R-patient-7", 1, "unseen", None)]);
    let loaded = samples[0].load().unwrap();
    assert_eq!((loaded.image, loaded.mask), (vec![5, 6, 7, 8], vec![1, 0, 0, 0]));
}
