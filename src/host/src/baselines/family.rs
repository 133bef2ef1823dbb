//! How weights files name the tensors of a network.

use std::fmt;

/// Between torchvision's name of a tensor, by which a network knows it, and that in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// torchvision; timm's ResNet and DenseNet have the same.
    Torchvision,
    /// A classifier without the `backbone.` that segmenters have before the names of their ResNet.
    Backbone,
    /// timm's VGG, whose fully connected layers are convolutions of other names.
    TimmVgg,
    /// torchvision's published DenseNets, older than its network: `norm.1` for `norm1`.
    Densenet2018,
}

impl Family {
    const ALL: [Self; 4] = [Self::Torchvision, Self::Backbone, Self::TimmVgg, Self::Densenet2018];

    /// The family that finds most of the `wanted` tensors in a file; none where no name fits.
    pub(super) fn of(wanted: &[String], has: &dyn Fn(&str) -> bool) -> Option<Self> {
        let found = |family: &Self| wanted.iter().filter(|name| has(&family.name(name))).count();
        // Of several equally good ones the last would win.
        Self::ALL.into_iter().rev().max_by_key(found).filter(|best| found(best) > 0)
    }

    /// The file's name of the tensor that torchvision calls `published`.
    pub(super) fn name(self, published: &str) -> String {
        let renamed = |pairs: &[(&str, &str)]| {
            let fits = |(from, to): &(&str, &str)| published.strip_prefix(from).map(|rest| format!("{to}{rest}"));
            pairs.iter().find_map(fits)
        };
        let name = match self {
            Self::Torchvision => None,
            Self::Backbone => renamed(&[("backbone.", "")]),
            Self::TimmVgg => renamed(&[
                ("classifier.0.", "pre_logits.fc1."),
                ("classifier.3.", "pre_logits.fc2."),
                ("classifier.6.", "head.fc."),
            ]),
            Self::Densenet2018 => published.contains(".denselayer").then(|| {
                ["norm1", "norm2", "conv1", "conv2"].iter().fold(published.to_owned(), |name, layer| {
                    let (kind, number) = layer.split_at(layer.len() - 1);
                    name.replace(&format!(".{layer}."), &format!(".{kind}.{number}."))
                })
            }),
        };
        name.unwrap_or_else(|| published.to_owned())
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Torchvision => "torchvision's names (timm's ResNet and DenseNet have the same)",
            Self::Backbone => "the names of a classifier, for the backbone",
            Self::TimmVgg => "timm's names",
            Self::Densenet2018 => "the names of torchvision's files of 2018",
        })
    }
}

/// Beginnings of names of layers that a network without these labels, or without the auxiliary head, does not have. `n_averaged`
/// counts the steps of an averaged network.
const HEADS: [&str; 6] = ["fc.", "classifier.", "head.", "pre_logits.", "aux_classifier.", "n_averaged"];

/// Whether a network computes the same without this tensor of a file, up to its labels. Any other tensor without a place means
/// that the file belongs to a deeper network whose first layers have the same names, as ResNet34 and ResNet18.
pub(super) fn may_be_left(name: &str) -> bool {
    HEADS.iter().any(|head| name.starts_with(head))
}

/// What network a file holds, by tensors that only it has.
pub(super) fn guess(has: &dyn Fn(&str) -> bool) -> Option<&'static str> {
    let known: [(&[&str], &str); 12] = [
        (&["blocks.0.attn.qkv.weight"], "a vision transformer of timm or DINOv2"),
        (&["encoder.layer.0.attention.attention.query.weight"], "a vision transformer of Hugging Face"),
        (&["encoder.layers.encoder_layer_0.ln_1.weight"], "a vision transformer of torchvision"),
        (&["backbone.layer1.0.conv1.weight", "classifier.0.convs.0.0.weight"], "DeepLab v3 of torchvision"),
        (&["backbone.layer1.0.conv1.weight"], "FCN of torchvision"),
        (&["conv1.0.weight", "layer1.0.conv1.weight"], "a ResNet with a deep stem (ResNet-D)"),
        (&["layer1.0.conv3.weight"], "a ResNet of bottlenecks (ResNet50 or deeper)"),
        (&["layer1.0.conv1.weight"], "a ResNet of basic blocks (ResNet18 or ResNet34)"),
        (&["features.denseblock1.denselayer1.conv1.weight"], "a DenseNet of torchvision or timm"),
        (&["features.denseblock1.denselayer1.conv.1.weight"], "a DenseNet of torchvision's files of 2018"),
        (&["features.0.weight", "features.1.running_mean"], "a VGG with batch normalisation (`batch_norm = true`)"),
        (&["features.0.weight", "features.2.weight"], "a VGG without batch normalisation (`batch_norm = false`)"),
    ];
    known.into_iter().find(|(names, _)| names.iter().all(|name| has(name))).map(|(_, network)| network)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_families() {
        struct Case {
            family: Family,
            published: &'static str,
            expected: &'static str,
        }
        use Family::{Backbone, Densenet2018, TimmVgg, Torchvision};
        let case = |family, published, expected| Case { family, published, expected };
        let cases = [
            case(Torchvision, "layer1.0.downsample.0.weight", "layer1.0.downsample.0.weight"),
            case(Torchvision, "classifier.6.weight", "classifier.6.weight"),
            case(Backbone, "backbone.layer1.0.bn1.running_var", "layer1.0.bn1.running_var"),
            case(Backbone, "classifier.0.weight", "classifier.0.weight"),
            case(TimmVgg, "features.28.bias", "features.28.bias"),
            case(TimmVgg, "classifier.0.weight", "pre_logits.fc1.weight"),
            case(TimmVgg, "classifier.3.bias", "pre_logits.fc2.bias"),
            case(TimmVgg, "classifier.6.weight", "head.fc.weight"),
            case(Densenet2018, "features.norm0.weight", "features.norm0.weight"),
            case(
                Densenet2018,
                "features.denseblock4.denselayer16.norm2.running_mean",
                "features.denseblock4.denselayer16.norm.2.running_mean",
            ),
            case(
                Densenet2018,
                "features.denseblock1.denselayer1.conv1.weight",
                "features.denseblock1.denselayer1.conv.1.weight",
            ),
            case(Densenet2018, "features.transition1.conv.weight", "features.transition1.conv.weight"),
            case(Densenet2018, "classifier.weight", "classifier.weight"),
        ];
        for Case { family, published, expected } in cases {
            assert_eq!(family.name(published), expected, "{family:?}");
        }
    }

    #[test]
    fn a_file_shows_its_family() {
        let cases: [(&[&str], &[&str], Option<Family>); 6] = [
            (&["conv1.weight", "fc.weight"], &["conv1.weight", "fc.weight"], Some(Family::Torchvision)),
            (&["backbone.conv1.weight", "classifier.0.weight"], &["conv1.weight", "fc.weight"], Some(Family::Backbone)),
            (
                &["features.0.weight", "classifier.0.weight"],
                &["features.0.weight", "pre_logits.fc1.weight", "head.fc.weight"],
                Some(Family::TimmVgg),
            ),
            (
                &["features.norm0.weight", "features.denseblock1.denselayer1.norm1.weight"],
                &["features.norm0.weight", "features.denseblock1.denselayer1.norm.1.weight"],
                Some(Family::Densenet2018),
            ),
            // Without its head a VGG has the same names everywhere.
            (&["features.0.weight", "classifier.0.weight"], &["features.0.weight"], Some(Family::Torchvision)),
            (&["conv1.weight"], &["features.0.weight"], None),
        ];
        for (wanted, file, expected) in cases {
            let wanted: Vec<String> = wanted.iter().map(|name| (*name).to_owned()).collect();
            assert_eq!(Family::of(&wanted, &|name| file.contains(&name)), expected, "{file:?}");
        }
    }
}
