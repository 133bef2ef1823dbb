//! Who chooses the decoder: a metric, one fixed domain, or an oracle that knows each file's domain.

mod oracle;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use ushydra_core::Metric;

pub use oracle::{Oracle, OracleError};

/// The value of `--routing`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoutingChoice {
    /// The domain with the smallest disparity by this metric.
    Metric(Metric),
    /// Always this domain's decoder; disparity and in-domain test stay those of the bundle's own metric.
    Fixed(String),
    /// The domain that this csv (columns `file,domain`) names for each file.
    Oracle(PathBuf),
}

impl FromStr for RoutingChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            None => match text {
                "vector" => Ok(Self::Metric(Metric::Vector)),
                "paper" => Ok(Self::Metric(Metric::Paper)),
                "released" => Ok(Self::Metric(Metric::Released)),
                _ => Err(unknown(text)),
            },
            Some(("fixed", domain)) if !domain.is_empty() => Ok(Self::Fixed(domain.to_owned())),
            Some(("oracle", path)) if !path.is_empty() => Ok(Self::Oracle(PathBuf::from(path))),
            Some(_) => Err(unknown(text)),
        }
    }
}

fn unknown(text: &str) -> String {
    format!("`{text}` is no routing; use vector, paper, released, fixed:<domain> or oracle:<csv>")
}

impl fmt::Display for RoutingChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Metric(metric) => f.write_str(metric_name(*metric)),
            Self::Fixed(domain) => write!(f, "fixed:{domain}"),
            Self::Oracle(path) => write!(f, "oracle:{}", path.display()),
        }
    }
}

/// The name of a metric in arguments, manifests and records.
#[must_use]
pub const fn metric_name(metric: Metric) -> &'static str {
    match metric {
        Metric::Vector => "vector",
        Metric::Paper => "paper",
        Metric::Released => "released",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn every_form_parses_and_prints_back() {
        for text in ["vector", "paper", "released", "fixed:low", "oracle:a/b:c.csv"] {
            assert_eq!(text.parse::<RoutingChoice>().unwrap().to_string(), text);
        }
        for text in ["", "Vector", "fixed", "fixed:", "oracle:", "nearest", "metric:paper"] {
            let message = text.parse::<RoutingChoice>().unwrap_err();
            assert!(message.contains("fixed:<domain>"), "{message}");
        }
    }
}
