//! What rows mean.

use super::clock::{Clock, after_start};
use super::error::TableErrors;
use super::text::Table;
use crate::demand::TraceCounts;
use crate::queue::DepthCurve;
use crate::unit::{Duration, SimTime};

/// Counts per interval, scaled: the n-th interval has floor(C(n)·scale) − floor(C(n−1)·scale)
/// arrivals, with C the cumulative count. The last interval is as long as the one before it.
///
/// # Errors
/// Missing columns, times that are none or do not ascend, counts that are no numbers.
pub fn counts(
    table: &Table,
    clock: Clock,
    time: &str,
    count: &str,
    scale: f64,
) -> Result<TraceCounts, TableErrors> {
    let mut errors = TableErrors::default();
    let columns = (table.column(time, &mut errors), table.column(count, &mut errors));
    let (Some(time), Some(count)) = columns else { return Err(errors) };
    let times = clock.column(table, time, &mut errors);
    let counts: Vec<u64> = table
        .rows()
        .filter_map(|(line, record)| table.whole(line, record, count, &mut errors))
        .collect();
    if !errors.is_empty() {
        return Err(errors);
    }
    let last = times[times.len() - 1];
    let step = if times.len() > 1 { last - times[times.len() - 2] } else { 60_000_000 };
    // Intervals that begin before the start are left out: nobody knows where in them it lies.
    let kept: Vec<(SimTime, u64)> = times
        .iter()
        .zip(&counts)
        .filter_map(|(&micros, &count)| Some((after_start(micros)?, count)))
        .collect();
    let (starts, counts): (Vec<SimTime>, Vec<u64>) = kept.into_iter().unzip();
    let Some(end) = after_start(last + step) else {
        return Err(TableErrors::of_file(
            "every row lies before simulation.start",
            "move simulation.start, or leave out `align: absolute`",
        ));
    };
    TraceCounts::scaled(starts, end, &counts, scale).map_err(|why| TableErrors::of_file(why, ""))
}

/// Instants, one row each; with a scale the n-th row stands for floor(n·scale) − floor((n−1)·scale)
/// of them.
///
/// # Errors
/// A missing column, times that are none or do not ascend.
pub fn instants(
    table: &Table,
    clock: Clock,
    time: &str,
    scale: f64,
) -> Result<Vec<SimTime>, TableErrors> {
    let mut errors = TableErrors::default();
    let Some(time) = table.column(time, &mut errors) else { return Err(errors) };
    let times = clock.column(table, time, &mut errors);
    let ones = vec![1; times.len()];
    let copies =
        crate::demand::scaled_counts(&ones, scale).map_err(|why| TableErrors::of_file(why, ""))?;
    let instants = times
        .iter()
        .zip(copies)
        .filter_map(|(&micros, copies)| Some((after_start(micros)?, copies)))
        .flat_map(|(at, copies)| std::iter::repeat_n(at, copies as usize))
        .collect();
    errors.or(instants)
}

/// A curve of queue depths: each holds until the next row.
///
/// # Errors
/// Missing columns, times that are none or do not ascend, depths that are no numbers.
pub fn depths(
    table: &Table,
    clock: Clock,
    time: &str,
    value: &str,
) -> Result<DepthCurve, TableErrors> {
    let mut errors = TableErrors::default();
    let columns = (table.column(time, &mut errors), table.column(value, &mut errors));
    let (Some(time), Some(value)) = columns else { return Err(errors) };
    let times = clock.column(table, time, &mut errors);
    let depths: Vec<u64> = table
        .rows()
        .filter_map(|(line, record)| table.whole(line, record, value, &mut errors))
        .collect();
    if !errors.is_empty() {
        return Err(errors);
    }
    let mut curve = DepthCurve { times: Vec::new(), depths: Vec::new() };
    for (&micros, &depth) in times.iter().zip(&depths) {
        // What began before the start holds at the start.
        let at = after_start(micros).unwrap_or(SimTime::ZERO);
        if curve.times.last() == Some(&at) {
            curve.depths.pop();
            curve.times.pop();
        }
        curve.times.push(at);
        curve.depths.push(depth);
    }
    Ok(curve)
}

/// Columns of a pod trace.
#[derive(Clone, Copy, Debug)]
pub struct PodColumns<'a> {
    /// Creation.
    pub create: &'a str,
    /// CPU request.
    pub cpu: &'a str,
    /// Memory request.
    pub memory: &'a str,
    /// GPUs.
    pub gpu: Option<&'a str>,
    /// Thousandths of the GPU.
    pub gpu_milli: Option<&'a str>,
    /// Models of GPU.
    pub gpu_model: Option<&'a str>,
    /// Seconds of life.
    pub duration: Option<&'a str>,
    /// Or end of life.
    pub end: Option<&'a str>,
}

/// A row of a pod trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodTableRow {
    /// Creation.
    pub created: SimTime,
    /// Millicores.
    pub cpu_milli: i64,
    /// Bytes.
    pub memory: i64,
    /// Whole GPUs.
    pub gpus: i64,
    /// Thousandths of one GPU that is shared; 0: none is.
    pub gpu_milli: u16,
    /// Models of GPU that will do; none: any.
    pub gpu_models: Vec<String>,
    /// Life; `None`: not given, to the end of the run.
    pub lifetime: Option<Duration>,
}

/// The pods of a trace, in order of creation.
///
/// # Errors
/// Missing columns, times that are none or do not ascend, amounts that are no quantities, lives
/// that end before they begin.
pub fn pods(
    table: &Table,
    clock: Clock,
    columns: PodColumns<'_>,
) -> Result<Vec<PodTableRow>, TableErrors> {
    let mut errors = TableErrors::default();
    let needed =
        [columns.create, columns.cpu, columns.memory].map(|name| table.column(name, &mut errors));
    let mut optional = |name: Option<&str>| name.map(|name| table.column(name, &mut errors));
    let gpu = [columns.gpu, columns.gpu_milli, columns.gpu_model].map(&mut optional);
    let (duration, end) = (optional(columns.duration), optional(columns.end));
    let [Some(create), Some(cpu), Some(memory)] = needed else { return Err(errors) };
    if !errors.is_empty() {
        return Err(errors);
    }
    let times = clock.column(table, create, &mut errors);
    if !errors.is_empty() {
        return Err(errors);
    }
    let mut rows = Vec::with_capacity(times.len());
    for ((line, record), &micros) in table.rows().zip(&times) {
        let cpu_milli = table.amount(line, record, cpu, true, &mut errors);
        let bytes = table.amount(line, record, memory, false, &mut errors);
        let gpus = wanted_gpus(table, line, record, gpu.map(Option::flatten), &mut errors);
        let lifetime = match (duration.flatten(), end.flatten()) {
            (Some(column), _) => seconds(table, line, record, column, &mut errors),
            (None, Some(column)) => until(table, line, (record, create, column), &mut errors),
            (None, None) => None,
        };
        if let (Some(created), Some(cpu_milli), Some(memory), Some((gpus, gpu_milli, gpu_models))) =
            (after_start(micros), cpu_milli, bytes, gpus)
        {
            let row =
                PodTableRow { created, cpu_milli, memory, gpus, gpu_milli, gpu_models, lifetime };
            rows.push(row);
        }
    }
    errors.or(rows)
}

/// Whole GPUs, thousandths of a shared one, and the models that will do; `columns` are those of
/// number, thousandths and models.
fn wanted_gpus(
    table: &Table,
    line: u64,
    record: &csv::StringRecord,
    [number, milli, model]: [Option<usize>; 3],
    errors: &mut TableErrors,
) -> Option<(i64, u16, Vec<String>)> {
    let gpus = match number {
        Some(column) => table.whole(line, record, column, errors)?,
        None => 0,
    };
    let milli = match milli {
        Some(column) => (table.whole(line, record, column, errors)?, column),
        None => (1_000, 0),
    };
    let models = model.and_then(|column| record.get(column)).unwrap_or_default();
    let models = models.split('|').filter(|model| !model.is_empty()).map(str::to_owned).collect();
    match (gpus, milli) {
        (0, _) => Some((0, 0, models)),
        (_, (1_000, _)) => Some((gpus as i64, 0, models)),
        (1, (part @ 1..1_000, _)) => Some((0, part as u16, models)),
        (_, (_, column)) => {
            let text = record.get(column).unwrap_or_default();
            let message = format!("`{text}` is neither 1000 nor a part of a single GPU");
            errors.add(line, table.header(column), message, "thousandths of each GPU, from 1");
            None
        }
    }
}

/// A length in seconds; an empty field is not given.
fn seconds(
    table: &Table,
    line: u64,
    record: &csv::StringRecord,
    column: usize,
    errors: &mut TableErrors,
) -> Option<Duration> {
    if record.get(column).is_none_or(str::is_empty) {
        return None;
    }
    let value = table.number(line, record, column, errors)?;
    if value < 0.0 {
        errors.add(line, table.header(column), format!("{value} s is negative"), "");
    }
    Some(Duration::from_secs_f64(value))
}

/// The length from one time column to another; an empty field is not given.
fn until(
    table: &Table,
    line: u64,
    (record, from, to): (&csv::StringRecord, usize, usize),
    errors: &mut TableErrors,
) -> Option<Duration> {
    let text = record.get(to).filter(|text| !text.is_empty())?;
    let begin = super::clock::epoch_micros(record.get(from).unwrap_or(""))?;
    match super::clock::epoch_micros(text) {
        Some(end) if end >= begin => {
            Some(Duration::from_micros(u64::try_from(end - begin).unwrap_or(u64::MAX)))
        }
        Some(_) => {
            errors.add(line, table.header(to), format!("`{text}` is before the creation"), "");
            None
        }
        None => {
            errors.add(line, table.header(to), format!("`{text}` is not a time"), "");
            None
        }
    }
}

/// Columns of a list of nodes.
#[derive(Clone, Copy, Debug)]
pub struct NodeColumns<'a> {
    /// Name, if there is one.
    pub name: Option<&'a str>,
    /// CPU.
    pub cpu: &'a str,
    /// Memory.
    pub memory: &'a str,
    /// GPUs.
    pub gpu: Option<&'a str>,
    /// GPU model, a label.
    pub model: Option<&'a str>,
}

/// A node of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeTableRow {
    /// Name, or empty.
    pub name: String,
    /// Millicores.
    pub cpu_milli: i64,
    /// Bytes.
    pub memory: i64,
    /// GPUs.
    pub gpus: i64,
    /// GPU model, or empty.
    pub model: String,
}

/// The nodes of a list.
///
/// # Errors
/// Missing columns, amounts that are no quantities.
pub fn nodes(table: &Table, columns: NodeColumns<'_>) -> Result<Vec<NodeTableRow>, TableErrors> {
    let mut errors = TableErrors::default();
    let needed = [columns.cpu, columns.memory].map(|name| table.column(name, &mut errors));
    let mut optional = |name: Option<&str>| name.map(|name| table.column(name, &mut errors));
    let (name, gpu, model) =
        (optional(columns.name), optional(columns.gpu), optional(columns.model));
    let [Some(cpu), Some(memory)] = needed else { return Err(errors) };
    if !errors.is_empty() {
        return Err(errors);
    }
    let mut rows = Vec::with_capacity(table.len());
    for (line, record) in table.rows() {
        let field = |column: Option<Option<usize>>| {
            column.flatten().and_then(|column| record.get(column)).unwrap_or("").to_owned()
        };
        let cpu_milli = table.amount(line, record, cpu, true, &mut errors);
        let bytes = table.amount(line, record, memory, false, &mut errors);
        let gpus = match gpu.flatten() {
            Some(column) => table.whole(line, record, column, &mut errors),
            None => Some(0),
        };
        if let (Some(cpu_milli), Some(memory), Some(gpus)) = (cpu_milli, bytes, gpus) {
            let (name, model) = (field(name), field(model));
            rows.push(NodeTableRow { name, cpu_milli, memory, gpus: gpus as i64, model });
        }
    }
    errors.or(rows)
}

/// The numbers of one column, ascending.
///
/// # Errors
/// A missing column, fields that are no non-negative numbers.
pub fn values(table: &Table, column: &str) -> Result<Vec<f64>, TableErrors> {
    let mut errors = TableErrors::default();
    let Some(column) = table.column(column, &mut errors) else { return Err(errors) };
    let mut values = Vec::with_capacity(table.len());
    for (line, record) in table.rows() {
        match table.number(line, record, column, &mut errors) {
            Some(value) if value < 0.0 => {
                errors.add(line, table.header(column), format!("{value} is negative"), "");
            }
            Some(value) => values.push(value),
            None => {}
        }
    }
    values.sort_by(f64::total_cmp);
    errors.or(values)
}

/// Evictions of a fleet's events (milliseconds since the start, `add` or `remove`, node): how many
/// nodes are taken at each instant.
///
/// # Errors
/// Fewer than two columns, times that are no numbers or do not ascend, unknown events.
pub fn evictions(table: &Table) -> Result<Vec<(SimTime, u32)>, TableErrors> {
    let mut errors = TableErrors::default();
    let mut evictions: Vec<(SimTime, u32)> = Vec::new();
    for (line, record) in table.rows() {
        if record.len() < 2 {
            errors.add(line, "", "one field where a time and an event are expected", "");
            continue;
        }
        let Some(millis) = table.whole(line, record, 0, &mut errors) else { continue };
        let at = SimTime::from_micros(millis.saturating_mul(1_000));
        match record.get(1) {
            Some("remove") => match evictions.last_mut() {
                Some((last, count)) if *last == at => *count += 1,
                Some((last, _)) if *last > at => {
                    errors.add(line, "", "the time is before the row above", "sort the rows");
                }
                _ => evictions.push((at, 1)),
            },
            Some("add") => {}
            other => {
                let found = other.unwrap_or("");
                errors.add(line, "", format!("`{found}` is neither `add` nor `remove`"), "");
            }
        }
    }
    errors.or(evictions)
}

#[cfg(test)]
mod tests {
    use super::super::clock::Align;
    use super::*;

    const CLOCK: Clock = Clock { align: Align::FirstRow, start_epoch: 0 };

    fn table(text: &str) -> Table {
        Table::read(text.as_bytes(), true).unwrap()
    }

    #[test]
    fn counts_are_scaled_without_losing_any() {
        let table = table(
            "timestamp,n\n2026-01-01T00:00:00,3\n2026-01-01T00:01:00,0\n2026-01-01T00:02:00,4\n",
        );
        let counts = counts(&table, CLOCK, "timestamp", "n", 0.5).unwrap();
        assert_eq!(counts.counts, [1, 0, 2]);
        assert_eq!(counts.starts[2], SimTime::from_secs(120));
        assert_eq!(counts.end, SimTime::from_secs(180));
    }

    #[test]
    fn every_bad_row_is_named() {
        let table = table("t,n\n0,1\n60,x\n30,2\n90,-3\n");
        let errors = counts(&table, CLOCK, "t", "n", 1.0).unwrap_err();
        let texts: Vec<String> = errors.first.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "line 4, column `t`: `30` is before the row above",
                "line 3, column `n`: `x` is not a non-negative whole number",
                "line 5, column `n`: `-3` is not a non-negative whole number",
            ]
        );
    }

    #[test]
    fn a_wrong_column_gets_the_nearest_name() {
        let errors = instants(&table("timestamp\n0\n"), CLOCK, "timestmp", 1.0).unwrap_err();
        assert_eq!(errors.first[0].help, "did you mean `timestamp`?");
    }

    #[test]
    fn pods_of_a_trace_have_amounts_by_the_names_of_their_columns() {
        let table = table("created,cpu_milli,memory_mib,gpus,gone\n5,500,1024,1,65\n6,2,3,0,\n");
        let columns = PodColumns {
            create: "created",
            cpu: "cpu_milli",
            memory: "memory_mib",
            gpu: Some("gpus"),
            gpu_milli: None,
            gpu_model: None,
            duration: None,
            end: Some("gone"),
        };
        let rows = pods(&table, CLOCK, columns).unwrap();
        assert_eq!(
            rows[0],
            PodTableRow {
                created: SimTime::ZERO,
                cpu_milli: 500,
                memory: 1 << 30,
                gpus: 1,
                gpu_milli: 0,
                gpu_models: vec![],
                lifetime: Some(Duration::from_secs(60)),
            }
        );
        assert_eq!(rows[1].lifetime, None);
    }

    #[test]
    fn a_part_is_one_of_a_single_gpu() {
        let text = "created,cpu_milli,memory_mib,gpus,part,model\n\
                    5,500,1024,2,500,\n6,1,1,1,0,\n7,1,1,1,1001,\n8,1,1,1,300,T4|A10\n";
        let columns = PodColumns {
            create: "created",
            cpu: "cpu_milli",
            memory: "memory_mib",
            gpu: Some("gpus"),
            gpu_milli: Some("part"),
            gpu_model: Some("model"),
            duration: None,
            end: None,
        };
        let errors = pods(&table(text), CLOCK, columns).unwrap_err();
        let lines: Vec<u64> = errors.first.iter().map(|error| error.line).collect();
        assert_eq!(lines, [2, 3, 4]);
        let fine = text.replace(",2,500,", ",2,1000,").replace(",1,0,", ",0,0,");
        let rows = pods(&table(&fine.replace(",1,1001,", ",1,999,")), CLOCK, columns).unwrap();
        let gpus: Vec<(i64, u16)> = rows.iter().map(|row| (row.gpus, row.gpu_milli)).collect();
        assert_eq!(gpus, [(2, 0), (0, 0), (0, 999), (0, 300)]);
        assert_eq!(rows[3].gpu_models, ["T4", "A10"]);
    }

    #[test]
    fn evictions_of_one_instant_are_a_batch() {
        let table =
            Table::read(b"0,add,a\n0,add,b\n5000,remove,a\n5000,remove,b\n", false).unwrap();
        assert_eq!(evictions(&table).unwrap(), [(SimTime::from_secs(5), 2)]);
    }

    #[test]
    fn empty_files_say_so() {
        for text in ["", "\n\n", "time,count\n"] {
            assert!(Table::read(text.as_bytes(), true).is_err(), "{text:?}");
        }
    }
}
