//! An adaptation in words: on the terminal, and as a section of the model card.

use super::figures::{Figures, Share, Spread};
use super::report::{Adaptation, Outcome};
use crate::evaluate::bootstrap::Estimate;
use crate::report::{align, markdown};

/// Head of the section of the model card.
const SECTION: &str = "## Adaptation to";

impl Adaptation {
    /// For the terminal.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("{} with the new domain `{}`: {}\n", self.bundle, self.domain, self.images_in_words());
        self.warnings.iter().for_each(|warning| text.push_str(&format!("note: {warning}\n")));
        text.push_str(&format!("\n{}\n{}", self.how_judged(), align(&self.rows())));
        text.push_str(&format!("{}\n", self.conclusion()));
        text
    }

    /// Markdown of the whole report.
    #[must_use]
    pub fn markdown(&self) -> String {
        format!("# {} -> {}\n\n{}", self.bundle, self.result, self.section())
    }

    /// The section of the model card, its head included.
    #[must_use]
    pub fn section(&self) -> String {
        let list = |items: &[String]| items.iter().map(|item| format!("- {item}\n")).collect::<String>();
        let mut making = vec![
            format!("Made on {} from {} (manifest {}).", self.date, self.bundle, short(&self.bundle_sha256)),
            format!("Images: {} (SHA-256 {}).", self.images_in_words(), short(&self.images.sha256)),
            self.decoder_in_words(),
            "The decoder has no int8 form; those of the older domains are kept.".to_owned(),
        ];
        let versions: Vec<String> = self.versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
        making.push(format!("Seed {}; versions: {}.", self.config.seed, versions.join(", ")));
        making.extend(self.warnings.iter().cloned());
        format!(
            "{SECTION} `{}`\n\n{}\n{}\n\n{}\n{}\n\nWhat stays approximate, because the pictures that trained the bundle were not at \
             hand:\n\n{}",
            self.domain,
            list(&making),
            self.how_judged(),
            markdown(&self.rows()),
            self.conclusion(),
            list(&self.approximate)
        )
    }

    fn images_in_words(&self) -> String {
        let images = &self.images;
        let labels: Vec<String> = images.labels.iter().map(|(label, count)| format!("{count} {label}")).collect();
        let labels = if labels.is_empty() { "no labels".to_owned() } else { labels.join(", ") };
        let mut text = format!("{} images of {} patients ({labels})", images.pictures, images.patients);
        if !images.devices.is_empty() {
            text.push_str(&format!(", devices {}", images.devices.join(", ")));
        }
        if let Some(first) = images.skipped.first() {
            text.push_str(&format!(", {} left out (first {}: {})", images.skipped.len(), first.file, first.cause));
        }
        text
    }

    fn decoder_in_words(&self) -> String {
        let start = &self.decoder.start;
        let shift = self.masks.as_ref().map(|masks| masks.shift);
        match (&self.decoder.fitted, shift) {
            (_, Some(shift)) => format!(
                "Decoder: that of `{start}`, which fits the given masks best, with its output bias moved by {shift:+.3}; nothing \
                 else was trained."
            ),
            (None, None) => format!(
                "Decoder: **a copy of that of `{start}`**, to which most of the images are closest. No label says that its answers \
                 are right here."
            ),
            (Some(fitted), None) => match fitted.pull {
                None => format!("Decoder: that of `{start}` unchanged; no fit did better on held-out patients."),
                Some(pull) => format!(
                    "Decoder: started from that of `{start}` and pulled towards it (l2 {pull}), {} views per image.",
                    self.config.augmentation.views
                ),
            },
        }
    }

    fn how_judged(&self) -> String {
        match self.validation {
            Some([folds, repeats]) => format!(
                "Judged by {folds} folds grouped by patient, {repeats} repetitions: the adapted bundle saw nothing of the patient it is \
                 judged on and routes as on the device. Intervals: 95 %, bootstrap over patients, widened for their small number."
            ),
            None => "Without labels nothing can be said about right and wrong; the figures of the adapted bundle come from the very \
                     images that describe the domain."
                .to_owned(),
        }
    }

    fn rows(&self) -> Vec<Vec<String>> {
        let mut rows = vec![["figure", "as it is", "adapted"].map(str::to_owned).to_vec()];
        let (before, after) = (&self.before, &self.after);
        let mut row = |name: &str, value: &dyn Fn(&Figures) -> Option<String>| {
            if let (Some(a), Some(b)) = (value(before), value(after)) {
                rows.push(vec![name.to_owned(), a, b]);
            }
        };
        row("accuracy %", &|f| f.accuracy.map(estimate));
        row("macro F1", &|f| f.macro_f1.map(|v| format!("{v:.3}")));
        row("accuracy of shown %", &|f| f.shown_accuracy.map(percent));
        row("withheld %", &|f| Some(percent(f.withheld)));
        row("in domain %", &|f| Some(percent(f.in_domain)));
        row("other images withheld %", &|f| f.unknown_withheld.map(percent));
        row("disparity: median, 90 %, largest / threshold", &|f| Some(spread(&f.disparity)));
        row("novelty: median, 90 %, largest / threshold", &|f| f.novelty.as_ref().map(spread));
        row("routed to", &|f| Some(shares(&f.routed)));
        row("answers", &|f| (!f.answers.is_empty()).then(|| shares(&f.answers)));
        if let Some(masks) = &self.masks {
            let dice = |e: &Estimate| format!("{:.4} ({:.4} to {:.4})", e.mean, e.low, e.high);
            rows.push(vec!["Dice".to_owned(), dice(&masks.before), dice(&masks.after)]);
        }
        rows
    }

    fn conclusion(&self) -> String {
        let detected = format!("{} % of these images are routed to `{}`.", percent(self.detected), self.domain);
        let raised: Vec<String> = self
            .thresholds
            .iter()
            .filter(|t| t.after > t.before)
            .map(|t| format!("{} from {:.3} to {:.3}", t.name, t.before, t.after))
            .collect();
        let raised = if raised.is_empty() {
            "No threshold moves.".to_owned()
        } else {
            format!("Thresholds rise: {}; images of other origin pass more easily by that much.", raised.join(", "))
        };
        let gain = match &self.gain {
            None => "Expected gain: unknown.".to_owned(),
            Some(gain) => {
                let (what, scale, digits) = if self.masks.is_some() { ("Dice", 1.0, 4) } else { ("points", 100.0, 1) };
                let number = |v: f64| format!("{:+.digits$}", scale * v);
                let said = match self.outcome {
                    Outcome::Gain => "",
                    Outcome::Unclear => ": no difference that could be shown",
                    Outcome::Harm => ": **worse than the bundle as it is**",
                    Outcome::Unjudged => "",
                };
                format!(
                    "Expected gain: {} {what} ({} to {}){said}.",
                    number(gain.mean),
                    number(gain.low),
                    number(gain.high)
                )
            }
        };
        format!("{gain} {detected} {raised}")
    }
}

fn short(hash: &str) -> &str {
    hash.get(..16).unwrap_or(hash)
}

fn percent(share: f64) -> String {
    format!("{:.1}", 100.0 * share)
}

fn estimate(value: Estimate) -> String {
    format!("{} ({} to {})", percent(value.mean), percent(value.low), percent(value.high))
}

fn spread(values: &Spread) -> String {
    format!("{:.2}, {:.2}, {:.2} / {:.2}", values.median, values.high, values.largest, values.threshold)
}

fn shares(shares: &[Share]) -> String {
    shares.iter().map(|s| format!("{} {}", s.name, percent(s.share))).collect::<Vec<_>>().join(", ")
}
