//! Every story of `docs/behaviour` is run and must come out as it is told there.
//! `STORY=name cargo test --test behaviour` runs one.

#[path = "kit/books.rs"]
mod books;
#[path = "kit/run.rs"]
#[allow(dead_code, reason = "each test file uses its part of the kit")]
mod kit;
#[path = "kit/story.rs"]
mod story;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use forescale::record::{JournalLevel, Outcome};
use forescale::report::journal_ndjson;
use forescale::sim::{RunOptions, run};
use forescale::study::{Aggregate, Summary, evaluate, parse_threshold};
use rayon::prelude::*;
use story::{Block, Expected, Happened, Kind};

fn stories() -> Vec<PathBuf> {
    story::all(&kit::root())
}

#[test]
fn every_story_comes_out_as_it_is_told() {
    let only = std::env::var("STORY").ok();
    let chosen: Vec<PathBuf> = stories()
        .into_iter()
        .filter(|path| only.as_deref().is_none_or(|name| path.ends_with(format!("{name}.md"))))
        .collect();
    assert!(!chosen.is_empty(), "no such story");
    let wrong: Vec<String> = chosen.par_iter().flat_map_iter(|path| tell(path)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn the_index_names_every_story() {
    let index = fs::read_to_string(kit::root().join("docs/behaviour/README.md")).expect("index");
    for path in stories() {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        assert!(index.contains(&format!("({name})")), "docs/behaviour/README.md lacks {name}");
    }
}

/// The files beside the answers of `scenarios/teaching`.
fn lessons() -> Vec<PathBuf> {
    let folder = kit::root().join("scenarios/teaching");
    let entries = fs::read_dir(folder).expect("scenarios/teaching");
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.expect("readable").path()).collect();
    found.retain(|path| path.extension().is_some_and(|extension| extension != "md"));
    found.sort();
    found
}

#[test]
fn the_answers_of_the_lessons_are_true() {
    let folder = tempfile::tempdir().expect("a folder");
    for file in lessons() {
        fs::copy(&file, folder.path().join(file.file_name().expect("a name"))).expect("copied");
    }
    let wrong = tell_in(&kit::root().join("scenarios/teaching/README.md"), folder.path());
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn every_lesson_asks_what_the_list_of_lessons_asks() {
    let answers = fs::read_to_string(kit::root().join("scenarios/teaching/README.md")).unwrap();
    let scenarios = lessons();
    let scenarios = scenarios.iter().filter(|path| path.extension().unwrap() == "yaml");
    for path in scenarios.clone() {
        let name = path.file_stem().unwrap().to_string_lossy();
        let question = kit::plan_with(path, &[]).description;
        assert!(question.ends_with('?'), "{name}: {question}");
        let row = format!("| [{name}]({name}.yaml) | {question} |");
        assert!(answers.contains(&row), "{row}");
        assert!(
            answers.contains(&format!("```facts {name}.yaml"))
                || answers.contains(&format!("```timeline {name}.yaml")),
            "{name} has no answer"
        );
    }
    assert_eq!(scenarios.count(), 10);
}

/// Runs a story; what does not come out as told.
fn tell(path: &Path) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    tell_in(path, folder.path())
}

/// The same in a folder, where files of it may stand already.
fn tell_in(path: &Path, folder: &Path) -> Vec<String> {
    let blocks = story::blocks(&fs::read_to_string(path).expect("UTF-8"));
    story::unpack(&blocks, folder);
    let mut outcomes: BTreeMap<&str, (Outcome, Vec<Happened>)> = BTreeMap::new();
    let mut wrong = Vec::new();
    let mut tell = |line: usize, what: String| {
        wrong.push(format!("{}:{line}: {what}", path.strip_prefix(kit::root()).unwrap().display()));
    };
    let checks: Vec<&Block> = blocks.iter().filter(|block| block.kind != Kind::File).collect();
    if checks.is_empty() {
        tell(1, "nothing is checked: a story needs a timeline, facts or findings".to_owned());
    }
    for block in checks {
        let file = folder.join(&block.file);
        if block.kind == Kind::Explanation {
            explanation(block, &file, &mut tell);
            continue;
        }
        if block.kind == Kind::Findings {
            findings(block, &kit::findings(&file), &mut tell);
            continue;
        }
        let (outcome, journal) = outcomes.entry(&block.file).or_insert_with(|| play(&file));
        match block.kind {
            Kind::Timeline => timeline(block, journal, &mut tell),
            _ => facts(block, outcome, &mut tell),
        }
    }
    wrong
}

/// An audited run whose books balance, with its whole journal.
fn play(file: &Path) -> (Outcome, Vec<Happened>) {
    let plan = kit::plan_with(file, &[]);
    let options = RunOptions { audit: true, journal: JournalLevel::All, ..Default::default() };
    let outcome = run(&plan, plan.simulation.seed, options);
    books::check(&plan, &outcome, &mut |what| panic!("{}: {what}", file.display()));
    let mut bytes = Vec::new();
    journal_ndjson(&outcome, &mut bytes).expect("memory takes all");
    let lines = String::from_utf8(bytes).expect("UTF-8");
    let journal = lines
        .lines()
        .map(|line| Happened::of(&serde_json::from_str(line).expect("JSON")))
        .collect();
    (outcome, journal)
}

/// Each line must happen after the line above it; a `never` line must not happen at all.
fn timeline(block: &Block, journal: &[Happened], tell: &mut dyn FnMut(usize, String)) {
    let mut from = 0;
    for (line, text) in block.lines() {
        let expected = match Expected::of(text) {
            Ok(expected) => expected,
            Err(why) => return tell(line, why),
        };
        let found = |after: &[Happened]| {
            after.iter().position(|one| expected.is(one) && expected.in_time(one))
        };
        if expected.within.is_none() {
            if let Some(index) = found(journal) {
                tell(line, format!("`{text}`, but: {}", journal[index].line()));
            }
            continue;
        }
        match found(&journal[from..]) {
            Some(index) => from += index + 1,
            None => {
                return tell(line, format!("`{text}` does not happen\n{}", near(journal, from)));
            }
        }
    }
    if block.lines().next().is_none() {
        tell(block.line, format!("an empty timeline; the journal says\n{}", near(journal, 0)));
    }
}

/// The journal from a line on, as a story would write it.
fn near(journal: &[Happened], from: usize) -> String {
    const SHOWN: usize = 120;
    let decisive = |one: &&Happened| !one.detail.is_empty() || one.words.len() > 4;
    let lines: Vec<String> = match std::env::var_os("STORY_STEPS") {
        Some(_) => journal[from..].iter().take(SHOWN).map(Happened::line).collect(),
        None => journal[from..].iter().filter(decisive).take(SHOWN).map(Happened::line).collect(),
    };
    lines.join("\n")
}

fn facts(block: &Block, outcome: &Outcome, tell: &mut dyn FnMut(usize, String)) {
    let study = Aggregate { runs: vec![Summary::of(outcome)] };
    for (line, text) in block.lines() {
        match parse_threshold(text) {
            Ok(threshold) => {
                let verdict = evaluate(&threshold, &study, true);
                if !verdict.passed {
                    tell(line, format!("`{text}`, but it is {:?}", verdict.value));
                }
            }
            Err(why) => tell(line, why),
        }
    }
}

fn findings(block: &Block, said: &str, tell: &mut dyn FnMut(usize, String)) {
    for (line, text) in block.lines() {
        if !said.contains(text) {
            tell(line, format!("`{text}` is not said:\n{said}"));
        }
    }
}

/// What `forescale explain` says must hold these pieces, in this order, however lines are broken.
fn explanation(block: &Block, file: &Path, tell: &mut dyn FnMut(usize, String)) {
    let told = Command::new(env!("CARGO_BIN_EXE_forescale"))
        .arg("explain")
        .arg(file)
        .args(&block.options)
        .output()
        .expect("runs");
    let text = String::from_utf8(told.stdout).expect("UTF-8");
    let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let all = flat(&text);
    let mut rest = all.as_str();
    for (line, wanted) in block.lines() {
        match rest.split_once(&flat(wanted)) {
            Some((_, after)) => rest = after,
            None => {
                let said = String::from_utf8_lossy(&told.stderr);
                return tell(line, format!("`{wanted}` is not told here:\n{text}{said}"));
            }
        }
    }
}
