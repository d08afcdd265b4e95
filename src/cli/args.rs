//! What the user types, as typed.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

use super::exit::Exit;
use crate::record::JournalLevel;

/// Simulates the autoscaling chain of an AKS cluster: queue, KEDA, HPA, scheduler, cluster
/// autoscaler, VM scale sets, bill.
#[derive(Debug, Parser)]
#[command(name = "forescale", version, after_help = Exit::HELP, max_term_width = 100)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Simulate scenarios: how long work waits, why, and what it costs.
    #[command(after_help = RUN_EXAMPLES)]
    Run(RunArgs),
    /// Validate scenarios without simulating; every finding has a stable code and a fix.
    #[command(after_help = CHECK_EXAMPLES)]
    Check(CheckArgs),
    /// Tell why a pod, message or node came out as it did: who decided what, when, by which rule.
    #[command(after_help = EXPLAIN_EXAMPLES)]
    Explain(ExplainArgs),
    /// Run decision cases of upstream's unit tests through the functions the simulation calls.
    #[command(after_help = CONFORM_EXAMPLES)]
    Conform(ConformArgs),
    /// Look up what scenarios and thresholds can name.
    #[command(after_help = LIST_EXAMPLES)]
    List(ListArgs),
    /// Print the JSON schema of scenario files, for editors.
    #[command(after_help = "Example:\n  forescale schema > scenario.schema.json")]
    Schema,
    /// Print a completion script for a shell.
    #[command(after_help = "Example, to be sourced in ~/.bashrc:\n  \
                            forescale completions bash > forescale.bash")]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

const RUN_EXAMPLES: &str = "Examples:\n  \
    forescale run scenarios/order-processor.yaml\n  \
    forescale run scenarios/spot-versus-on-demand/*.yaml --out results\n  \
    forescale run scenarios/spot-lab.yaml --set simulation.replications=5\n  \
    forescale run scenarios/spot-lab.yaml --assert 'pod.pending.p95<10m'\n  \
    forescale run scenarios/ip-trap.yaml -o json --no-report > summary.json\n  \
    forescale run scenarios/spot-lab.yaml --trace --openmetrics\n  \
    forescale run scenarios/spot-lab.yaml --record-decisions autoscaler=ca.ndjson";

const CHECK_EXAMPLES: &str = "Examples:\n  \
    forescale check scenarios/*.yaml\n  \
    forescale check scenarios/ip-trap.yaml --set quota.cores=200 -o json";

const EXPLAIN_EXAMPLES: &str = "Without a choice the message and the pod that waited longest are \
    told.\n\nExamples:\n  \
    forescale explain scenarios/ip-trap.yaml\n  \
    forescale explain output/ip-trap --pod order-processor-41\n  \
    forescale explain scenarios/ip-trap.yaml --message 12000\n  \
    forescale explain output/ip-trap --node aks-spot-54929465-vmss000000 --at 3h\n  \
    forescale explain scenarios/teaching/scale-from-zero.yaml --worst 3\n  \
    forescale explain scenarios/teaching/scale-from-zero.yaml --step\n  \
    forescale explain scenarios/ip-trap.yaml --defaults";

const CONFORM_EXAMPLES: &str = "Examples:\n  \
    forescale conform tests/conformance/*.json\n  \
    forescale conform tests/conformance/scheduler.json --failures\n  \
    forescale conform ca.ndjson\n  \
    forescale conform --expand ca.ndjson --scans 60..80 > cases.json";

const LIST_EXAMPLES: &str = "Examples:\n  \
    forescale list metrics\n  \
    forescale list vm-sizes -o json";

/// `run`
#[derive(Debug, clap::Args)]
pub struct RunArgs {
    /// Scenario files (YAML or JSON; `-` reads standard input); several run side by side.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Seed of the first replication, instead of the scenario's.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Change a value of the scenario; items of lists go by their name.
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub sets: Vec<String>,
    /// Folder for results; each scenario gets one of its name inside.
    #[arg(long, value_name = "DIR", default_value = "output")]
    pub out: PathBuf,
    /// What standard output shows.
    #[arg(short = 'o', long = "output", value_name = "FORMAT", default_value = "text")]
    pub format: Format,
    /// A condition that must hold, such as 'message.wait.p95<120s' (exit code 4 if not).
    #[arg(long = "assert", value_name = "CONDITION")]
    pub asserts: Vec<String>,
    /// Judge waiting times although some work still waits at the end.
    #[arg(long)]
    pub allow_censored: bool,
    /// Discount of reservations whose price is not known, such as 41% (prices.assumeRiDiscount).
    #[arg(long, value_name = "SHARE")]
    pub assume_ri_discount: Option<String>,
    /// No series, rows of pods and nodes, or pictures: figures only, faster.
    #[arg(long)]
    pub no_report: bool,
    /// Also write trace.json: nodes, pods, slowest messages and decisions as tracks, for
    /// ui.perfetto.dev.
    #[arg(long, conflicts_with = "no_report")]
    pub trace: bool,
    /// Also write metrics.om: OpenMetrics with timestamps under the names that cluster autoscaler,
    /// KEDA and kube-state-metrics use.
    #[arg(long, conflicts_with = "no_report")]
    pub openmetrics: bool,
    /// How much of what controllers do is kept in journal.ndjson.
    #[arg(long, value_name = "LEVEL", default_value = "decisions")]
    pub journal: Journal,
    /// Write down every scan of the cluster autoscaler: what it saw, remembered and did. Of several
    /// runs each gets a file of its own, with scenario and seed in its name.
    #[arg(long, value_name = "autoscaler=FILE", value_parser = record_target)]
    pub record_decisions: Option<PathBuf>,
    /// Recording stops at this size, the run goes on (bytes, or with kB, MB, GB).
    #[arg(long, value_name = "SIZE", default_value = "1GB", value_parser = size)]
    pub record_limit: u64,
    /// Which scans are recorded.
    #[arg(long, value_name = "SCANS", default_value = "active")]
    pub record_scans: RecordScans,
    /// Recompute every index the slow way now and then, and stop on a difference.
    #[arg(long)]
    pub audit: bool,
    /// Threads for runs side by side; 0 means one per core. Results do not depend on it.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub threads: usize,
}

/// `check`
#[derive(Debug, clap::Args)]
pub struct CheckArgs {
    /// Scenario files.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Change a value of the scenario; items of lists go by their name.
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub sets: Vec<String>,
    /// What standard output shows.
    #[arg(short = 'o', long = "output", value_name = "FORMAT", default_value = "text")]
    pub format: TextOrJson,
}

/// `explain`
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("what").multiple(false)))]
pub struct ExplainArgs {
    /// A scenario file, or a folder that `run` has written: its scenario, settings and seed are run
    /// again.
    #[arg(value_name = "FILE|FOLDER")]
    pub target: PathBuf,
    /// This pod: creation to Ready, and its end.
    #[arg(long, value_name = "NAME", group = "what")]
    pub pod: Option<String>,
    /// This message, by its number of arrival (the first is 0): arrival to completion.
    #[arg(long, value_name = "N", group = "what")]
    pub message: Option<u64>,
    /// The queue of the message, where there are several.
    #[arg(long, value_name = "NAME", requires = "message")]
    pub queue: Option<String>,
    /// This node: who made it and for whom, why it is still there, why its pool was passed over.
    #[arg(long, value_name = "NAME", group = "what")]
    pub node: Option<String>,
    /// When the node is looked at: a time of day, or since the start (14:05:10, 90m); default: the
    /// end.
    #[arg(long, value_name = "T", requires = "node")]
    pub at: Option<String>,
    /// The N messages and the N pods that waited longest (20 messages at most).
    #[arg(long, value_name = "N", group = "what", value_parser = worst_count)]
    pub worst: Option<usize>,
    /// One decision at a time; commands are read line by line (`?` lists them).
    #[arg(long, group = "what")]
    pub step: bool,
    /// Every value that the scenario leaves to a default, and where it comes from.
    #[arg(long, group = "what")]
    pub defaults: bool,
    /// Seed, instead of the scenario's or the folder's first.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Change a value of the scenario; items of lists go by their name.
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub sets: Vec<String>,
    /// What standard output shows.
    #[arg(short = 'o', long = "output", value_name = "FORMAT", default_value = "text")]
    pub format: TextOrJson,
}

/// `conform`
#[derive(Debug, clap::Args)]
pub struct ConformArgs {
    /// Files of cases, or records of `run --record-decisions`.
    #[arg(required = true, value_name = "CASES.json")]
    pub files: Vec<PathBuf>,
    /// What standard output shows.
    #[arg(short = 'o', long = "output", value_name = "FORMAT", default_value = "text")]
    pub format: TextOrJson,
    /// Run nothing: print the scans of a record as cases that stand alone.
    #[arg(long)]
    pub expand: bool,
    /// Only these scans are expanded: one number, or first..last.
    #[arg(long, value_name = "SCANS", requires = "expand", value_parser = scan_range)]
    pub scans: Option<RangeInclusive<u64>>,
    /// Also print each failed case: what is given, what upstream answers, and what we answer; and
    /// the names of unsupported ones.
    #[arg(long)]
    pub failures: bool,
}

/// `list`
#[derive(Debug, clap::Args)]
pub struct ListArgs {
    /// What to list.
    pub what: Catalogue,
    /// What standard output shows.
    #[arg(short = 'o', long = "output", value_name = "FORMAT", default_value = "text")]
    pub format: TextOrJson,
}

/// Formats of `run`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A summary for people.
    Text,
    /// What summary.json holds; a list of them for several files.
    Json,
    /// A comment for a pull request.
    Markdown,
}

/// Formats of look-ups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TextOrJson {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// What can be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Catalogue {
    /// VM sizes with their dated prices.
    VmSizes,
    /// KEDA scalers that are modelled.
    Scalers,
    /// Expanders of the cluster autoscaler.
    Expanders,
    /// Distributions of times.
    Distributions,
    /// Codes of findings, what they mean and how to fix them.
    Lints,
    /// Figures that thresholds can name.
    Metrics,
}

/// `--record-scans`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RecordScans {
    /// Those with pending pods, unneeded nodes, deletions or actions.
    Active,
    /// All.
    All,
}

/// `autoscaler=FILE`
fn record_target(text: &str) -> Result<PathBuf, String> {
    match text.split_once('=') {
        Some(("autoscaler", file)) if !file.is_empty() => Ok(PathBuf::from(file)),
        Some(("autoscaler", _)) => Err("the file has no name".to_owned()),
        _ => Err("only the autoscaler is recorded: autoscaler=FILE".to_owned()),
    }
}

/// A size in bytes.
fn size(text: &str) -> Result<u64, String> {
    let units = [("kB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000), ("B", 1)];
    let unit = units.iter().find_map(|(unit, of)| Some((text.strip_suffix(unit)?, *of)));
    let (number, factor) = unit.unwrap_or((text, 1));
    let number: Option<u64> = number.trim().parse().ok();
    number
        .and_then(|number| number.checked_mul(factor))
        .ok_or_else(|| "a size such as 500MB or 1GB".to_owned())
}

/// How many of the worst: 1 to 20, as many as a run remembers.
fn worst_count(text: &str) -> Result<usize, String> {
    let number: Option<usize> = text.parse().ok();
    number.filter(|number| (1..=20).contains(number)).ok_or_else(|| "1 to 20".to_owned())
}

/// `17` or `10..20`, both ends included.
fn scan_range(text: &str) -> Result<RangeInclusive<u64>, String> {
    let number = |text: &str| text.parse::<u64>().map_err(|why| why.to_string());
    match text.split_once("..") {
        Some((first, last)) => Ok(number(first)?..=number(last.trim_start_matches('='))?),
        None => number(text).map(|only| only..=only),
    }
}

/// `--journal`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Journal {
    /// Nothing.
    Off,
    /// Actions and refusals of controllers and of the provider.
    Decisions,
    /// Also each step of each pod and node.
    All,
}

impl RunArgs {
    /// All changes of scenarios: `--set`, and flags that stand for one.
    pub fn all_sets(&self) -> Vec<String> {
        let discount = self.assume_ri_discount.iter();
        let discount = discount.map(|share| format!("prices.assumeRiDiscount={share}"));
        self.sets.iter().cloned().chain(discount).collect()
    }
}

impl From<Journal> for JournalLevel {
    fn from(level: Journal) -> Self {
        match level {
            Journal::Off => Self::Off,
            Journal::Decisions => Self::Decisions,
            Journal::All => Self::All,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed_and_every_subcommand_has_an_example() {
        let command = Args::command();
        command.clone().debug_assert();
        for sub in command.get_subcommands() {
            let help = sub.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("Example"), "{} has no example", sub.get_name());
            assert!(help.contains(&format!("forescale {}", sub.get_name())));
            // A terminal of 80 columns would wrap a longer one, and half of it be pasted.
            for line in help.lines() {
                assert!(line.len() <= 79 || !line.contains("forescale "), "{line}");
            }
        }
    }
}
