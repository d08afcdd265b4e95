//! Formulas that KEDA reads, and what it refuses.

use super::*;

fn value(text: &str) -> Result<Option<f64>, FormulaError> {
    let values = [Some(2.0), Some(5.0), None];
    Formula::compile(text, &["one", "two", "gone"])?.evaluate(&|index| values[index])
}

/// Those of KEDA's documentation (2.12 to 2.20, `concepts/scaling-deployments.md`,
/// `scalers/rabbitmq-queue.md`) and of its end-to-end tests.
#[test]
fn formulas_of_the_documentation() {
    for (text, expected) in [
        ("(one + two)/2", 3.5),
        ("one > 2 ? one + two : 1", 1.0),
        ("two > 2 ? one + two : 1", 7.0),
        ("count([one,two,one],{#>1}) > 1 ? 5 : 0", 5.0),
        ("count([one,two],{#>2}) > 1 ? 5 : 0", 0.0),
        ("float(one < 2 ? one+two >= 2 ? 5 : 10 : 0)", 0.0),
        ("one < 3 ? one+two >= 2 ? 5 : 10 : 0", 5.0),
        ("one < 3 ? one+two >= 9 ? 5 : 10 : 0", 10.0),
        ("gone ?? gone ?? two ?? 8", 5.0),
        ("gone ?? gone ?? 8", 8.0),
        ("max(one, two/1000)", 2.0),
        ("one + two", 7.0),
    ] {
        assert_eq!(value(text), Ok(Some(expected)), "{text}");
    }
    assert_eq!(value("gone ?? gone"), Ok(None));
}

#[test]
fn the_language() {
    for (text, expected) in [
        ("one + two * 2 ** 3", 42.0),
        ("one < two and not (two == 3) ? 10 : 20", 10.0),
        ("one < two && !(two == 3) || false ? 10 : 20", 10.0),
        ("1 + (gone ?? one)", 3.0),
        ("gone ?? -1", -1.0),
        ("max(gone ?? one, 1) - min([one, two])", 0.0),
        ("gone == nil ? 1 : 0", 1.0),
        ("sum([one, two]) + mean([one, two]) + median([one, two])", 14.0),
        ("count([one, two], # > 2) + len([one, two])", 3.0),
        ("sum([one, two], # * 2)", 14.0),
        ("sum(filter([one, two], {# > 2})) + reduce([one, two], #acc + #)", 12.0),
        ("any([one, two], {# > 4}) and one in [2, 3] ? 1 : 0", 1.0),
        ("-one ** 2", -4.0),
        ("1_000 + 1e3 + .5", 2_000.5),
        ("int(ceil(two / one)) % 2", 1.0),
        ("7 / 2 + abs(one - two) + round(2.5) + floor(-0.5)", 8.5),
        ("one - two - 1", -4.0),
        ("let half = one / 2; half + 1", 2.0),
        ("if one > 1 { 3 } else { 4 }", 3.0),
        ("'one ?? + three' == \"\" ? 1 : 0", 0.0),
    ] {
        assert_eq!(value(text), Ok(Some(expected)), "{text}");
    }
}

#[test]
fn mistakes_are_errors_with_their_place() {
    for (text, at, expected) in [
        ("", Some(0), "cannot be read"),
        ("one +", Some(5), "cannot be read"),
        ("one two", Some(4), "cannot be read"),
        ("(1", Some(2), "cannot be read"),
        ("one + thre", Some(6), "no trigger is named `thre`"),
        ("one > 1e7 ? thre : 1", Some(12), "no trigger is named `thre`"),
        ("avg([one, two])", Some(0), "the mean is `mean`"),
        ("one > 1e7 ? f(1) : 1", Some(12), "no function is named `f`"),
        ("one > two", None, "does not give a number"),
        ("one > 1 ? nil : 1", None, "does not give a number"),
        ("one % 2", None, "operands for operator %"),
        ("max()", None, "not enough arguments"),
        ("7 ?? 2 + 1", Some(7), "`+` and `??` cannot be mixed"),
        ("(gone ?? one or two)", Some(13), "`or` and `??` cannot be mixed"),
        ("max(gone ?? one, two) * (gone ?? [one, two][1] > 1)", Some(47), "`>` and `??`"),
        ("99999999999999999999", None, "invalid integer literal"),
    ] {
        let error = value(text).expect_err(text);
        assert_eq!(error.at, at, "{text}: {error}");
        assert!(error.message.contains(expected), "{text}: {error}");
    }
}
