//! `forescale explain`: why one pod, message or node came out as it did.

use std::io::{self, BufRead, IsTerminal};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::args::{ExplainArgs, TextOrJson};
use super::check;
use super::disk::Disk;
use super::exit::{Exit, Stop};
use super::terminal;
use crate::explain::{
    Book, NameError, Stepper, Telling, defaults_json, defaults_text, furthest_pods, message, node,
    pod, split_of, text, time, worst,
};
use crate::plan::Plan;
use crate::record::{JournalLevel, MessageStep, Outcome, Stretch, Watch};
use crate::report::journal_ndjson;
use crate::scenario::{Given, Severity};
use crate::sim::{RunOptions, run_watching};
use crate::study::{MODEL_VERSION, hex_fingerprint};
use crate::unit::{NodeId, PodId, QueueId, SimTime};

/// How many of the worst are told where nothing is asked for.
const WORST_BY_DEFAULT: usize = 1;

/// At most this many pods that a message or a node waited with are watched beside it.
const COMPANIONS: usize = 8;

/// A scenario that is explained.
struct Case {
    plan: Plan,
    given: Given,
    seed: u64,
    /// What the run of the folder had, if it is one.
    expected: Option<(String, u32)>,
}

/// What is told.
#[derive(Clone, Copy)]
enum Subject {
    Pod(PodId),
    Message(QueueId, u64),
    Node(NodeId, SimTime),
}

/// Tells what is asked for.
pub fn explain(args: &ExplainArgs) -> Result<Exit, Stop> {
    let case = open(args)?;
    if args.defaults {
        let told = match args.format {
            TextOrJson::Text => defaults_text(&case.plan, terminal::look()),
            TextOrJson::Json => format!("{:#}\n", defaults_json(&case.plan)),
        };
        return terminal::print(&told);
    }
    let level = if args.step { JournalLevel::All } else { JournalLevel::Decisions };
    let options = RunOptions { journal: level, ..RunOptions::default() };
    // The first run finds out who is meant, the second looks at them closely.
    let wanted = asked_messages(args, &case.plan);
    let (first, seen) = run_watching(&case.plan, case.seed, options, wanted);
    compare(&case, &first)?;
    let book = Book { plan: &case.plan, given: &case.given, outcome: &first, seen: &seen };
    if args.step {
        return step(book, args.format);
    }
    let subjects = subjects(args, &book)?;
    let watch = watch(&book, &subjects);
    let (second, seen) = run_watching(&case.plan, case.seed, options, watch);
    let book = Book { outcome: &second, seen: &seen, ..book };
    let tellings = subjects
        .iter()
        .map(|subject| tell(&book, *subject))
        .collect::<Result<Vec<Telling>, Stop>>()?;
    terminal::print(&shown(&book, &tellings, args.format))
}

fn shown(book: &Book<'_>, tellings: &[Telling], format: TextOrJson) -> String {
    if format == TextOrJson::Json {
        let all: Vec<Value> = tellings.iter().map(Telling::json).collect();
        let tree = json!({
            "name": book.outcome.name,
            "seed": book.outcome.seed,
            "fingerprint": hex_fingerprint(book.outcome.fingerprint),
            "tellings": all,
        });
        return format!("{tree:#}\n");
    }
    let look = terminal::look();
    let told: Vec<String> = tellings.iter().map(|telling| text(book, telling, look)).collect();
    if told.is_empty() {
        return "nobody waited\n".to_owned();
    }
    told.join("\n")
}

/// A scenario file, or what a folder of results was made from.
fn open(args: &ExplainArgs) -> Result<Case, Stop> {
    let target = &args.target;
    if !target.is_dir() {
        let (plan, given, _) = read(target, &args.sets)?;
        let seed = args.seed.unwrap_or(plan.simulation.seed);
        return Ok(Case { plan, given, seed, expected: None });
    }
    if !args.sets.is_empty() {
        let message = "a folder holds the results of its own settings: --set goes with a file";
        return Err(Stop::usage(message));
    }
    let manifest = manifest(target)?;
    let strings = |key: &str| -> Vec<String> {
        let list = manifest[key].as_array().into_iter().flatten();
        list.filter_map(|one| one.as_str().map(str::to_owned)).collect()
    };
    let scenario = manifest["scenario"].as_str().unwrap_or_default();
    let (plan, given, inputs) = read(Path::new(scenario), &strings("sets"))?;
    same_inputs(target, &manifest, &inputs)?;
    let seeds: Vec<u64> =
        manifest["seeds"].as_array().into_iter().flatten().filter_map(Value::as_u64).collect();
    let seed = args.seed.or_else(|| seeds.first().copied()).unwrap_or(plan.simulation.seed);
    let Some(index) = seeds.iter().position(|known| *known == seed) else {
        let known: Vec<String> = seeds.iter().map(u64::to_string).collect();
        let message = format!("{} has the seeds {}", target.display(), known.join(", "));
        return Err(Stop::usage(message));
    };
    let print = manifest["fingerprints"][index].as_str().unwrap_or_default().to_owned();
    let version = manifest["modelVersion"].as_u64().and_then(|number| u32::try_from(number).ok());
    Ok(Case { plan, given, seed, expected: Some((print, version.unwrap_or(0))) })
}

type Read = (Plan, Given, Vec<(String, String)>);

fn read(path: &Path, sets: &[String]) -> Result<Read, Stop> {
    let disk = Disk::default();
    let loaded = check::read(path, sets, &disk)?;
    match loaded.plan {
        Some(plan) => Ok((plan, loaded.given, loaded.inputs)),
        None => {
            let found = &loaded.diagnostics;
            terminal::note(&found.render_from(Severity::Error, terminal::colour_errors()));
            Err(Stop { exit: Exit::Invalid, message: None })
        }
    }
}

fn manifest(folder: &Path) -> Result<Value, Stop> {
    let path: PathBuf = folder.join("manifest.json");
    let text = std::fs::read_to_string(&path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Stop::new(
            Exit::InputOutput,
            format!("{} holds no results of forescale (no manifest.json)", folder.display()),
        ),
        _ => Stop::file("read", &path, &error),
    })?;
    serde_json::from_str(&text).map_err(|error| {
        Stop::new(Exit::InputOutput, format!("{} is no manifest: {error}", path.display()))
    })
}

/// Inputs must be those of the run, or another story would be told.
fn same_inputs(folder: &Path, manifest: &Value, inputs: &[(String, String)]) -> Result<(), Stop> {
    let known = manifest["inputs"].as_array().into_iter().flatten();
    let changed: Vec<&str> = known
        .filter_map(|one| {
            let (name, hash) = (one["name"].as_str()?, one["sha256"].as_str()?);
            let same = inputs.iter().any(|(own, now)| own == name && now == hash);
            (!same).then_some(name)
        })
        .collect();
    if changed.is_empty() {
        return Ok(());
    }
    let message = format!(
        "{} changed since {} was written: run it again, or explain the file",
        changed.join(", "),
        folder.display()
    );
    Err(Stop::new(Exit::InputOutput, message))
}

/// The run of a folder must come out as it did.
fn compare(case: &Case, outcome: &Outcome) -> Result<(), Stop> {
    let Some((print, version)) = &case.expected else { return Ok(()) };
    if *print == hex_fingerprint(outcome.fingerprint) {
        return Ok(());
    }
    let message = format!(
        "this version of forescale (model {MODEL_VERSION}) does not give the results of the \
         folder (model {version}): run it again, or explain the file"
    );
    Err(Stop::new(Exit::InputOutput, message))
}

/// The message that is asked for, in whichever queue.
fn asked_messages(args: &ExplainArgs, plan: &Plan) -> Watch {
    let queues = args
        .message
        .into_iter()
        .flat_map(|number| plan.queues.ids().map(move |queue| (queue, number)));
    Watch { messages: queues.collect(), ..Watch::default() }
}

fn wrong_name(error: NameError) -> Stop {
    Stop::usage(error.to_string())
}

fn subjects(args: &ExplainArgs, book: &Book<'_>) -> Result<Vec<Subject>, Stop> {
    if let Some(name) = &args.pod {
        return Ok(vec![Subject::Pod(book.pod(name).map_err(wrong_name)?)]);
    }
    if let Some(number) = args.message {
        let queue = book.queue(args.queue.as_deref()).map_err(wrong_name)?;
        return Ok(vec![Subject::Message(queue, number)]);
    }
    if let Some(name) = &args.node {
        let at = match &args.at {
            Some(text) => time(text, book.outcome.start_epoch).ok_or_else(|| {
                let forms = "a time of day (14:05:10) or since the start (90m)";
                Stop::usage(format!("--at {text}: {forms}"))
            })?,
            None => book.outcome.end,
        };
        let at = at.min(book.outcome.end);
        return Ok(vec![Subject::Node(book.node(name, at).map_err(wrong_name)?, at)]);
    }
    let worst = worst(book.outcome, args.worst.unwrap_or(WORST_BY_DEFAULT));
    let messages =
        worst.messages.into_iter().map(|(queue, number)| Subject::Message(queue, number));
    Ok(messages.chain(worst.pods.into_iter().map(Subject::Pod)).collect())
}

/// What must be watched to tell this: the subjects, and the pods that they waited with.
fn watch(book: &Book<'_>, subjects: &[Subject]) -> Watch {
    let mut watch = Watch::default();
    let mut companions: Vec<PodId> = Vec::new();
    for subject in subjects {
        match *subject {
            Subject::Pod(pod) => {
                watch.pods.insert(pod);
            }
            Subject::Node(node, _) => {
                watch.nodes.insert(node);
            }
            Subject::Message(queue, number) => {
                watch.messages.insert((queue, number));
                let stretches = waited(book, queue, number);
                companions.extend(furthest_pods(book, queue, &stretches));
            }
        }
    }
    companions.dedup();
    watch.pods.extend(companions.into_iter().take(COMPANIONS));
    watch
}

/// What a message waited for: one of the slowest, or the one that the first run has watched.
fn waited(book: &Book<'_>, queue: QueueId, number: u64) -> Vec<Stretch> {
    let waits = &book.outcome.waits;
    let slow = waits.slowest();
    if let Some(own) = slow.iter().find(|one| one.queue == queue && one.number.0 == number) {
        return waits.of_message(queue, own.arrived, own.arrived + own.wait, &own.lost);
    }
    let own = |step: &&MessageStep| step.queue == queue && step.number == number;
    let steps: Vec<&MessageStep> = book.seen.steps.iter().filter(own).collect();
    split_of(book.outcome, queue, &steps, book.outcome.end)
}

fn tell(book: &Book<'_>, subject: Subject) -> Result<Telling, Stop> {
    match subject {
        Subject::Pod(id) => Ok(pod(book, id)),
        Subject::Node(id, at) => Ok(node(book, id, at)),
        Subject::Message(queue, number) => message(book, queue, number).map_err(wrong_name),
    }
}

/// One decision at a time: line by line, so that a pipe can do it too.
fn step(book: Book<'_>, format: TextOrJson) -> Result<Exit, Stop> {
    if format == TextOrJson::Json {
        let mut bytes = Vec::new();
        let written = journal_ndjson(book.outcome, &mut bytes);
        written.map_err(|error| Stop::new(Exit::Bug, error.to_string()))?;
        return terminal::print(&String::from_utf8_lossy(&bytes));
    }
    let mut stepper = Stepper::new(book, terminal::look());
    terminal::print(&stepper.opening())?;
    let prompts = io::stdin().is_terminal() && io::stdout().is_terminal();
    let mut lines = io::stdin().lock().lines();
    loop {
        if prompts {
            terminal::print("> ")?;
        }
        let Some(line) = lines.next() else { return Ok(Exit::Fine) };
        let line = line.map_err(|error| Stop::file("read", Path::new("standard input"), &error))?;
        let reply = stepper.command(&line);
        terminal::print(&reply.text)?;
        if reply.done {
            return Ok(Exit::Fine);
        }
    }
}
