//! The model card.

use ushydra_bundle::Provenance;

use crate::evaluate::report::Report;
use crate::recipe::{CardConfig, Recipe, TrainingMode};
use crate::report::markdown;
use crate::train::run::{RunInfo, TrainingReport};

/// What a card says in its own words.
pub(crate) struct Subject<'a> {
    pub(crate) name: &'a str,
    pub(crate) version: &'a str,
    pub(crate) card: &'a CardConfig,
    pub(crate) licence: &'a str,
    pub(crate) provenance: &'a [Provenance],
}

/// Markdown of a classifier's model card.
#[must_use]
pub fn card(recipe: &Recipe, info: &RunInfo, training: &TrainingReport, evaluation: Option<&Report>) -> String {
    let subject = Subject {
        name: &recipe.name,
        version: &recipe.version,
        card: &recipe.card,
        licence: &recipe.licence,
        provenance: &recipe.provenance,
    };
    text(&subject, &making(recipe, info, training), evaluation.map(Report::markdown).as_deref())
}

/// Markdown of a model card.
pub(crate) fn text(subject: &Subject<'_>, making: &[String], evaluation: Option<&str>) -> String {
    let list = |items: &[String]| items.iter().map(|i| format!("- {i}\n")).collect::<String>();
    let mut text = format!("# {}@{}\n\n{}\n", subject.name, subject.version, subject.card.summary);
    text.push_str("\n**Not a medical device.** Not for diagnosis, treatment or any clinical decision.\n");
    text.push_str(&format!("\n## Intended use\n\n{}\n", subject.card.intended_use));
    text.push_str(&format!("\n## Limits\n\n{}", list(&subject.card.limits)));
    text.push_str(&format!("\n## Licence and attribution\n\nLicence of this bundle: {}.\n\n", subject.licence));
    let mut rows = vec![["source", "used for", "licence", "attribution"].map(str::to_owned).to_vec()];
    for p in subject.provenance {
        rows.push(vec![p.name.clone(), p.used_for.clone(), p.licence.clone(), p.attribution.clone()]);
    }
    text.push_str(&markdown(&rows));
    text.push_str(&format!("\n## How it was made\n\n{}", list(making)));
    if let Some(evaluation) = evaluation {
        text.push_str("\n## Evaluation\n\n");
        text.push_str(evaluation);
    }
    text
}

fn making(recipe: &Recipe, info: &RunInfo, training: &TrainingReport) -> Vec<String> {
    let decoders = match recipe.decoders.mode {
        TrainingMode::Paper => "every decoder is trained on its own domain alone (one-hot weights)".to_owned(),
        TrainingMode::Weighted => {
            let weights = recipe.domains.iter().zip(&training.other_weights);
            let weights: Vec<String> = weights.map(|(domain, w)| format!("{domain} {w}")).collect();
            format!(
                "every decoder starts from a head on all domains; its own domain weighs 1, the others: {}",
                weights.join(", ")
            )
        }
    };
    let mut versions: Vec<String> = info.versions.iter().map(|(name, v)| format!("{name} {v}")).collect();
    versions.sort_unstable();
    vec![
        format!("Input: {}", recipe.input.fingerprint()),
        format!(
            "Encoder (frozen): {}; feature vector of {} values: {}",
            recipe.encoder.attribution,
            info.features,
            recipe.encoder.features.join(", ")
        ),
        format!("Training: {} pictures, {} views each, seed {}", training.pictures, training.views, info.seed),
        format!("Decoders: {decoders}"),
        format!("Versions: {}", versions.join(", ")),
    ]
}
