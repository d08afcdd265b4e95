//! Helpers of the manifest tests.

use forescale::chance::Dist;
use forescale::cloud::PodStartSpec;
use forescale::scenario::foreign::{Findings, kubernetes};
use forescale::scenario::pods::{Drafts, LowerContext, Lowered, Tables, lower};
use forescale::scenario::{Diagnostic, Node, Severity, Sources};
use forescale::unit::{Duration, IdVec, QueueId};
use forescale::vocabulary::KedaVersion;

/// The documents of a text.
pub fn documents(text: &str) -> Vec<Node> {
    let mut sources = Sources::default();
    let file = sources.add("test.yaml", text);
    sources.parse(file).expect("the text is YAML")
}

/// The drafts of a manifest and what was found.
pub fn drafts(text: &str, tables: &mut Tables) -> (Drafts, Findings) {
    let mut found = Findings::default();
    let mut drafts = Drafts::default();
    kubernetes::read(&documents(text), tables, &mut found, &mut drafts);
    (drafts, found)
}

/// Lowers drafts with a queue called `orders` and no pools.
pub fn lowered(drafts: Drafts, tables: &mut Tables, found: &mut Findings) -> Lowered {
    let context = LowerContext {
        curves: &[],
        keda: KedaVersion { minor: 17 },
        pools: &IdVec::new(),
        queues: &[("orders".to_owned(), QueueId(0))],
        start: &start(),
        start_epoch: 0,
        length: Duration::from_secs(3_600),
    };
    lower(drafts, &context, tables, found)
}

/// Times of a pod's start.
pub fn start() -> PodStartSpec {
    let second = Dist::constant(Duration::from_secs(1));
    PodStartSpec {
        container_start: second.clone(),
        app_start: second.clone(),
        volume_attach: second.clone(),
        volume_detach: second,
    }
}

/// The messages of one severity.
pub fn messages(found: &[Diagnostic], severity: Severity) -> Vec<&str> {
    let of = found.iter().filter(|found| found.severity == severity);
    of.map(|found| found.message.as_str()).collect()
}
