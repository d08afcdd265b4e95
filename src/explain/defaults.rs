//! Every value that the scenario left to a default, and where it comes from.

use serde_json::{Value, json};

use crate::plan::{Assumption, Plan};
use crate::report::counted;
use crate::report::text::{Ink, Look, Page};

/// The list as text, by path; assumptions carry a mark.
pub fn defaults_text(plan: &Plan, look: Look) -> String {
    let mut page = Page::new(look);
    let all = sorted(plan);
    let assumed = all.iter().filter(|one| one.assumed).count();
    let what = counted(all.len() as u64, "value is a default", "values are defaults");
    let marked = counted(assumed as u64, "is an assumption", "are assumptions");
    let title = format!("{}: {what}, of which {marked} (marked *)", plan.name);
    page.prose(Ink::Strong, &title, 2);
    let mut block = "";
    for one in all {
        let own = one.path.split('.').next().unwrap_or("");
        if own != block {
            page.gap();
            page.row(&[(Ink::Strong, own)]);
            block = own;
        }
        let (mark, ink) = if one.assumed { ("*", Ink::Warn) } else { (" ", Ink::Plain) };
        let key = one.path.strip_prefix(own).map_or("", |rest| rest.trim_start_matches('.'));
        let key = if key.is_empty() { own } else { key };
        page.row(&[(ink, mark), (Ink::Plain, " "), (ink, &format!("{key} = {}", one.value))]);
        page.prose(Ink::Faint, &format!("      {}", one.source), 6);
    }
    page.finish()
}

/// The list as data.
pub fn defaults_json(plan: &Plan) -> Value {
    let rows: Vec<Value> = sorted(plan)
        .into_iter()
        .map(|one| {
            json!({"path": one.path, "value": one.value, "source": one.source,
                "assumed": one.assumed})
        })
        .collect();
    json!({"name": plan.name, "defaults": rows})
}

fn sorted(plan: &Plan) -> Vec<&Assumption> {
    let mut all: Vec<&Assumption> = plan.assumptions.iter().collect();
    all.sort_by(|a, b| a.path.cmp(&b.path));
    all
}
