//! The names that a result's indices stand for.

use ushydra_bundle::{Bundle, Task};
use ushydra_core::Metric;

use crate::routing::{RoutingChoice, metric_name};

/// What a pipeline runs, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// `name@version`.
    pub bundle: String,
    /// Whether it classifies or segments.
    pub task: Task,
    /// Name of the engine's backend.
    pub backend: &'static str,
    /// `vector`, `paper`, `released`, `fixed` or `oracle`.
    pub mode: &'static str,
    /// Labels in the order of the decoders' outputs.
    pub labels: Vec<String>,
    /// Domains in order.
    pub domains: Vec<String>,
}

impl Identity {
    pub(super) fn new(bundle: &Bundle, backend: &'static str, routing: Option<&RoutingChoice>, metric: Metric) -> Self {
        let manifest = bundle.manifest();
        let mode = match routing {
            Some(RoutingChoice::Fixed(_)) => "fixed",
            Some(RoutingChoice::Oracle(_)) => "oracle",
            Some(RoutingChoice::Metric(_)) | None => metric_name(metric),
        };
        Self {
            bundle: bundle.id(),
            task: manifest.task,
            backend,
            mode,
            labels: manifest.labels.clone(),
            domains: manifest.domains.clone(),
        }
    }

    /// Name of label `index`.
    #[must_use]
    pub fn label(&self, index: usize) -> &str {
        self.labels.get(index).map_or("?", String::as_str)
    }

    /// Name of domain `index`.
    #[must_use]
    pub fn domain(&self, index: usize) -> &str {
        self.domains.get(index).map_or("?", String::as_str)
    }
}
