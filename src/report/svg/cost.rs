//! `cost-by-pool.svg`: a bar per pool and item, its amount beside it, what was idle in grey.

use plotters::style::RGBColor;

use super::axis::Scale;
use super::theme::{Align, Canvas, GREY, IDLE, INK, SERIES, Type, draw, text_width};
use crate::record::{Outcome, PoolTotals};
use crate::report::number::{money, percent, plain};
use crate::study::HOURS_PER_MONTH;
use crate::unit::Accrual;

const WIDTH: f64 = 1_200.0;
const RIGHT: f64 = 250.0;
const HEAD: f64 = 88.0;
const ROW: f64 = 46.0;
const BAR: f64 = 26.0;
const FOOT: f64 = 20.0;

const ON_DEMAND: RGBColor = SERIES[0];
const SPOT: RGBColor = SERIES[1];
const OTHER: RGBColor = SERIES[3];

/// A bar.
struct Row {
    name: String,
    detail: String,
    amount: f64,
    idle: f64,
    colour: RGBColor,
}

/// The picture. Amounts are per month of 730 hours.
pub fn cost_by_pool(outcome: &Outcome) -> String {
    let hours = outcome.end.since(outcome.warmup).as_secs_f64() / 3_600.0;
    let month = |accrual: Accrual| {
        if hours > 0.0 { accrual.money().units() / hours * HOURS_PER_MONTH } else { 0.0 }
    };
    let rows = rows(outcome, month);
    let height = HEAD + rows.len() as f64 * ROW + FOOT;
    draw(WIDTH as u32, height as u32, |canvas| {
        let named =
            rows.iter().map(|row| text_width(&row.name, 15.0).max(text_width(&row.detail, 12.0)));
        let left = named.fold(120.0, f64::max).min(360.0) + 40.0;
        let largest = rows.iter().map(|row| row.amount).fold(0.0, f64::max);
        let scale = Scale { data: (0.0, largest), pixels: (left, WIDTH - RIGHT) };
        headline(canvas, outcome, month(outcome.cost.total), hours);
        legend(canvas, outcome, month(outcome.cost.idle), left);
        let total: f64 = rows.iter().map(|row| row.amount).sum();
        for (index, row) in rows.iter().enumerate() {
            let middle = HEAD + (index as f64 + 0.5) * ROW;
            bar(canvas, row, scale, middle, total, &outcome.currency);
        }
    })
}

fn rows(outcome: &Outcome, month: impl Fn(Accrual) -> f64) -> Vec<Row> {
    let pool_row = |pool: &PoolTotals| Row {
        name: pool.name.clone(),
        detail: format!(
            "{}, {}, {} node-hours",
            if pool.spot { "spot" } else { "on demand" },
            pool.vm_size,
            plain(pool.node_micros as f64 / 3.6e9)
        ),
        amount: month(pool.cost),
        idle: month(pool.idle),
        colour: if pool.spot { SPOT } else { ON_DEMAND },
    };
    let item_row = |name: &str, accrual: Accrual| Row {
        name: name.to_owned(),
        detail: String::new(),
        amount: month(accrual),
        idle: 0.0,
        colour: OTHER,
    };
    let mut rows: Vec<Row> = outcome.pools.iter().map(pool_row).collect();
    rows.push(item_row("control plane", outcome.cost.control_plane));
    rows.extend(outcome.cost.items.iter().map(|(name, accrual)| item_row(name, *accrual)));
    rows
}

fn headline(canvas: &mut Canvas<'_>, outcome: &Outcome, total: f64, hours: f64) {
    let title = Type::label(INK, Align::Start).strong().sized(18.0);
    let text = format!("{}: {} per month", outcome.name, money(total, &outcome.currency));
    canvas.text((24.0, 22.0), &text, title);
    let basis = format!("730 hours at the rate of {} simulated hours", plain(hours));
    canvas.text((WIDTH - 24.0, 22.0), &basis, Type::label(GREY, Align::End));
}

fn legend(canvas: &mut Canvas<'_>, outcome: &Outcome, idle: f64, left: f64) {
    let mut x = left;
    let total_idle = format!("of it idle: {}", money(idle, &outcome.currency));
    let by_pool = outcome.pools.iter().any(|pool| pool.idle.0 != 0);
    let mut entries = vec![("on demand", ON_DEMAND), ("spot", SPOT), ("other", OTHER)];
    if idle > 0.0 {
        entries.push((&total_idle, IDLE));
    }
    for (text, colour) in entries {
        if colour != IDLE || by_pool {
            canvas.area((x, 51.0), (x + 12.0, 63.0), colour, 1.0);
            x += 18.0;
        }
        canvas.text((x, 57.0), text, Type::label(GREY, Align::Start));
        x += text_width(text, 13.0) + 22.0;
    }
}

fn bar(canvas: &mut Canvas<'_>, row: &Row, scale: Scale, middle: f64, total: f64, currency: &str) {
    let name = Type::label(INK, Align::End).sized(15.0);
    let edge = scale.pixels.0 - 12.0;
    if row.detail.is_empty() {
        canvas.text((edge, middle), &row.name, name);
    } else {
        canvas.text((edge, middle - 8.0), &row.name, name);
        canvas.text((edge, middle + 9.0), &row.detail, Type::label(GREY, Align::End).sized(12.0));
    }
    let (from, to) = (scale.at(0.0), scale.at(row.amount));
    let busy = scale.at((row.amount - row.idle).max(0.0));
    let (top, bottom) = (middle - BAR / 2.0, middle + BAR / 2.0);
    canvas.area((from, top), (busy.max(from + 1.0), bottom), row.colour, 1.0);
    if to > busy {
        canvas.area((busy, top), (to, bottom), IDLE, 1.0);
    }
    let amount = money(row.amount, currency);
    let share = if total > 0.0 { row.amount / total } else { 0.0 };
    let strong = Type::label(INK, Align::Start).strong().sized(15.0);
    canvas.text((to + 10.0, middle), &amount, strong);
    let after = to + 10.0 + text_width(&amount, 15.0) + 14.0;
    let mut detail = percent(share);
    if row.idle > 0.0 && row.amount > 0.0 {
        detail.push_str(&format!(", idle {}", percent(row.idle / row.amount)));
    }
    canvas.text((after, middle), &detail, Type::label(GREY, Align::Start));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn each_pool_has_a_bar_with_its_amount() {
        let svg = cost_by_pool(&sample::outcome(7));
        for text in ["spot, Standard_D8s_v5, 18 node-hours", "$671.60", "control plane", "46 %"] {
            assert!(svg.contains(text), "{text}");
        }
    }

    #[test]
    fn no_money_is_a_picture_too() {
        assert!(cost_by_pool(&Outcome::default()).contains("</svg>"));
    }
}
