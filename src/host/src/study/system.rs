//! The systems that a study compares.

use serde::{Deserialize, Serialize};

/// A system of the article's tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum System {
    /// One head on all domains, on the frozen shared encoder.
    Vit,
    /// One head per domain and a router, on the same encoder.
    UshydraVit,
    /// He et al. 2016.
    Resnet18,
    /// He et al. 2016.
    Resnet50,
    /// Simonyan & Zisserman 2015.
    Vgg16,
    /// Huang et al. 2017.
    Densenet121,
    /// Ronneberger et al. 2015: one decoder on all domains.
    Unet,
    /// One decoder per domain and a router, on a shared encoder.
    UshydraUnet,
    /// Long et al. 2015.
    Fcn,
    /// Badrinarayanan et al. 2017.
    Segnet,
    /// Chen et al. 2017.
    DeeplabV3,
    /// Wang et al. 2020: domain knowledge pool.
    Dofe,
}

impl System {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Vit,
        Self::UshydraVit,
        Self::Resnet18,
        Self::Resnet50,
        Self::Vgg16,
        Self::Densenet121,
        Self::Unet,
        Self::UshydraUnet,
        Self::Fcn,
        Self::Segnet,
        Self::DeeplabV3,
        Self::Dofe,
    ];

    /// As configurations and cells name it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Vit => "vit",
            Self::UshydraVit => "ushydra-vit",
            Self::Resnet18 => "resnet18",
            Self::Resnet50 => "resnet50",
            Self::Vgg16 => "vgg16",
            Self::Densenet121 => "densenet121",
            Self::Unet => "unet",
            Self::UshydraUnet => "ushydra-unet",
            Self::Fcn => "fcn",
            Self::Segnet => "segnet",
            Self::DeeplabV3 => "deeplab-v3",
            Self::Dofe => "dofe",
        }
    }

    /// As the tables print it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Vit => "ViT",
            Self::UshydraVit => "USHydra-ViT",
            Self::Resnet18 => "ResNet18",
            Self::Resnet50 => "ResNet50",
            Self::Vgg16 => "VGG16",
            Self::Densenet121 => "DenseNet121",
            Self::Unet => "UNet",
            Self::UshydraUnet => "USHydra-UNet",
            Self::Fcn => "FCN",
            Self::Segnet => "SegNet",
            Self::DeeplabV3 => "DeepLab v3",
            Self::Dofe => "DoFE",
        }
    }

    /// The system of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|system| system.name() == name)
    }

    /// Whether it answers with masks.
    #[must_use]
    pub const fn segments(self) -> bool {
        matches!(self, Self::Unet | Self::UshydraUnet | Self::Fcn | Self::Segnet | Self::DeeplabV3 | Self::Dofe)
    }

    /// Whether it stands on the frozen, pretrained encoder.
    #[must_use]
    pub const fn is_vit(self) -> bool {
        matches!(self, Self::Vit | Self::UshydraVit)
    }

    /// Whether it chooses a decoder per picture.
    #[must_use]
    pub const fn is_routed(self) -> bool {
        matches!(self, Self::UshydraVit | Self::UshydraUnet)
    }

    /// Whether its budget is that of the baseline networks.
    #[must_use]
    pub const fn is_network(self) -> bool {
        !self.is_vit() && !matches!(self, Self::Unet | Self::UshydraUnet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_configuration() {
        for system in System::ALL {
            let written = serde_json::to_string(&system).unwrap_or_default();
            assert_eq!(written, format!("\"{}\"", system.name()));
            assert_eq!(System::named(system.name()), Some(system));
        }
    }
}
