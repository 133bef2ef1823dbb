//! The rule that [`Crop`] names, with its buffers.

use ushydra_core::FrameView;

use crate::crop::SectorFinder;
use crate::fan::FanFinder;
use crate::geometry::Rect;
use crate::spec::Crop;

/// Finds the used part of frames by one rule. Buffers are sized once per frame geometry.
#[derive(Clone, Debug)]
pub struct CropFinder {
    rule: Crop,
    sector: SectorFinder,
    fan: FanFinder,
    /// The last frame, for [`Crop::None`].
    whole: Rect,
}

impl CropFinder {
    /// Empty buffers for `rule`.
    #[must_use]
    pub const fn new(rule: Crop) -> Self {
        Self { rule, sector: SectorFinder::new(), fan: FanFinder::new(), whole: Rect::whole(1, 1) }
    }

    /// The used rectangle; [`Self::patches`] then tells which pixels of it are kept.
    pub fn find(&mut self, frame: FrameView<'_>) -> Rect {
        self.whole = Rect::whole(frame.geometry().width, frame.geometry().height);
        match self.rule {
            Crop::None => self.whole,
            Crop::Sector => self.sector.find(frame),
            Crop::Fan => self.fan.find(frame),
        }
    }

    /// The kept pixels of the last frame as rectangles inside its crop, in source pixels; the rest of the crop is masked.
    pub fn patches(&self) -> impl Iterator<Item = Rect> + '_ {
        let whole = (self.rule == Crop::None).then_some(self.whole);
        let sector = (self.rule == Crop::Sector).then(|| self.sector.patches());
        let fan = (self.rule == Crop::Fan).then(|| self.fan.patches());
        whole.into_iter().chain(sector.into_iter().flatten()).chain(fan.into_iter().flatten())
    }
}
