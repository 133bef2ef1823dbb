//! Either of the simulated bodies, behind one face for the imaging chain.

use crate::cycle::Beat;
use crate::head::Head;
use crate::heart::Heart;
use crate::heart_scene::HeartScene;
use crate::noise::Texture;
use crate::phantom::Truth;
use crate::scene::Echo;

/// A patient's anatomy.
#[derive(Debug, Clone)]
pub(crate) enum Body {
    Heart(Box<Heart>),
    Head(Box<Head>),
}

/// The anatomy at one moment.
#[derive(Debug, Clone)]
pub(crate) enum Scene {
    Heart(Box<HeartScene>),
    Head(Box<Head>),
}

impl Body {
    /// The outlines at this moment of the beat; a head does not change.
    pub(crate) fn scene(&self, beat: Beat) -> Scene {
        match self {
            Self::Heart(heart) => Scene::Heart(Box::new(heart.scene(beat))),
            Self::Head(head) => Scene::Head(head.clone()),
        }
    }
}

impl Scene {
    /// Echo at a point for a beam direction, both in the body's coordinates.
    #[inline]
    pub(crate) fn echo(&self, [u, v]: [f32; 2], beam: [f32; 2], texture: &Texture) -> Echo {
        match self {
            Self::Heart(scene) => scene.echo(u, v, beam, texture),
            Self::Head(head) => head.echo(u, v, beam, texture),
        }
    }

    /// Whether a point belongs to the target structure.
    #[inline]
    pub(crate) fn target(&self, [u, v]: [f32; 2]) -> bool {
        match self {
            Self::Heart(scene) => scene.in_cavity(u, v),
            Self::Head(head) => head.holds(u, v),
        }
    }

    /// Measurements of the geometry.
    pub(crate) fn truth(&self) -> Truth {
        match self {
            Self::Heart(scene) => {
                let (area, axis) = (scene.area(), scene.long_axis());
                Truth::LeftVentricle {
                    area_mm2: area,
                    long_axis_mm: axis,
                    volume_ml: 8.0 * area * area / (3.0 * std::f64::consts::PI * axis) / 1000.0,
                }
            }
            Self::Head(head) => Truth::Head {
                hc_mm: head.circumference(),
                bpd_mm: 2.0 * f64::from(head.axes[1]),
                ofd_mm: 2.0 * f64::from(head.axes[0]),
            },
        }
    }
}
