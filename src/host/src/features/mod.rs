//! Features of every picture and view, computed once and cached.

pub mod cache;
pub mod extract;
pub mod view;

use ushydra_core::Moments;

/// Feature vectors and pixel moments of `n` pictures with the same number of views. View 0 is unaugmented.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Features {
    /// Length of a feature vector.
    pub width: usize,
    /// Views per picture.
    pub views: usize,
    /// `n x views x width`.
    pub values: Vec<f32>,
    /// `n x views`: channel-averaged mean and standard deviation of the normalised picture.
    pub pixel: Vec<Moments>,
}

impl Features {
    /// Number of pictures.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pixel.len().checked_div(self.views).unwrap_or(0)
    }

    /// Whether there is no picture.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Feature vector of one view.
    #[must_use]
    pub fn row(&self, picture: usize, view: usize) -> &[f32] {
        let start = (picture * self.views + view) * self.width;
        &self.values[start..start + self.width]
    }

    /// Pixel moments of one view.
    #[must_use]
    pub fn pixel(&self, picture: usize, view: usize) -> Moments {
        self.pixel[picture * self.views + view]
    }

    /// Appends the views of one picture.
    pub(crate) fn push(&mut self, entry: &[View]) {
        self.views = entry.len();
        for view in entry {
            self.width = view.features.len();
            self.values.extend_from_slice(&view.features);
            self.pixel.push(view.pixel);
        }
    }
}

/// One view of one picture.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// Channel-averaged mean and standard deviation of the normalised picture.
    pub pixel: Moments,
    /// Feature vector.
    pub features: Vec<f32>,
}
