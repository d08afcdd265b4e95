//! Distributions of times: a bare duration, or exactly one key that names the shape.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::reader::{At, Read, Reader, nearest_help, section};
use super::value::{Amount, Length, Text};
use crate::scenario::code;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::node::{Kind, Node};

/// A distribution as written; a table of values is still a file name.
#[derive(Clone, Debug, PartialEq)]
pub enum Distribution {
    /// Always the same.
    Constant(Length),
    /// `{exponential: {mean}}`
    Exponential(Exponential),
    /// `{lognormal: {median, p95}}`
    LogNormal(LogNormal),
    /// `{uniform: {min, max}}`
    Uniform(Uniform),
    /// `{gamma: {mean, scv}}`
    Gamma(Gamma),
    /// `{hyperexponential: {mean, scv}}`
    HyperExponential(HyperExponential),
    /// `{weibull: {scale, shape}}`
    Weibull(Weibull),
    /// `{empirical: {file, column}}`
    Empirical(Empirical),
    /// `{mixture: [{weight, of}]}`
    Mixture(Vec<At<Part>>),
}

section! {
    /// Exponential.
    pub struct Exponential {
        /// Mean.
        "mean" mean: Length, required;
    }
}

section! {
    /// Log-normal.
    pub struct LogNormal {
        /// Median.
        "median" median: Length, required;
        /// 95th percentile.
        "p95" p95: Length, required;
    }
}

section! {
    /// Uniform.
    pub struct Uniform {
        /// Least.
        "min" min: Length, required;
        /// Most.
        "max" max: Length, required;
    }
}

section! {
    /// Gamma.
    pub struct Gamma {
        /// Mean.
        "mean" mean: Length, required;
        /// Squared coefficient of variation.
        "scv" scv: Amount, required;
    }
}

section! {
    /// Two exponential phases with balanced means.
    pub struct HyperExponential {
        /// Mean.
        "mean" mean: Length, required;
        /// Squared coefficient of variation, at least 1.
        "scv" scv: Amount, required;
    }
}

section! {
    /// Weibull.
    pub struct Weibull {
        /// Scale.
        "scale" scale: Length, required;
        /// Shape.
        "shape" shape: Amount, required;
    }
}

section! {
    /// The values of a table, linearly interpolated.
    pub struct Empirical {
        /// CSV file, relative to this one.
        "file" file: Text, required;
        /// Column with seconds; without it the file has one column.
        "column" column: Text;
    }
}

section! {
    /// A part of a mixture.
    pub struct Part {
        /// Weight; weights are divided by their sum.
        "weight" weight: Amount, required;
        /// Distribution of this part.
        "of" of: Box<Distribution>, required;
    }
}

/// Names of the shapes.
pub const SHAPES: [&str; 9] = [
    "constant",
    "exponential",
    "lognormal",
    "uniform",
    "gamma",
    "hyperexponential",
    "weibull",
    "empirical",
    "mixture",
];

impl Read for Distribution {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let Kind::Map(entries) = &node.kind else {
            return Length::read(node, reader).map(Self::Constant);
        };
        let [(key, value)] = entries.as_slice() else {
            reader.bad_value(node, "must have exactly one key that names the distribution");
            return None;
        };
        reader.section_name(&key.text, |reader| match key.text.as_str() {
            "constant" => Length::read(value, reader).map(Self::Constant),
            "exponential" => Exponential::read(value, reader).map(Self::Exponential),
            "lognormal" => LogNormal::read(value, reader).map(Self::LogNormal),
            "uniform" => Uniform::read(value, reader).map(Self::Uniform),
            "gamma" => Gamma::read(value, reader).map(Self::Gamma),
            "hyperexponential" => HyperExponential::read(value, reader).map(Self::HyperExponential),
            "weibull" => Weibull::read(value, reader).map(Self::Weibull),
            "empirical" => Empirical::read(value, reader).map(Self::Empirical),
            "mixture" => Vec::read(value, reader).map(Self::Mixture),
            other => {
                reader.found.push(
                    Diagnostic::error(code::UNKNOWN_KEY, format!("no distribution `{other}`"))
                        .at(key.span, "unknown distribution")
                        .help(nearest_help(other, SHAPES.into_iter())),
                );
                None
            }
        })
    }
}

impl Read for Box<Distribution> {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        Distribution::read(node, reader).map(Box::new)
    }
}

impl JsonSchema for Distribution {
    fn schema_name() -> Cow<'static, str> {
        "Distribution".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let constant = generator.subschema_for::<Length>();
        let mut shapes = vec![serde_json::json!(constant)];
        for (name, schema) in [
            ("constant", constant),
            ("exponential", generator.subschema_for::<Exponential>()),
            ("lognormal", generator.subschema_for::<LogNormal>()),
            ("uniform", generator.subschema_for::<Uniform>()),
            ("gamma", generator.subschema_for::<Gamma>()),
            ("hyperexponential", generator.subschema_for::<HyperExponential>()),
            ("weibull", generator.subschema_for::<Weibull>()),
            ("empirical", generator.subschema_for::<Empirical>()),
            ("mixture", generator.subschema_for::<Vec<Part>>()),
        ] {
            shapes.push(one_key(name, &schema));
        }
        json_schema!({
            "description": "A duration, or exactly one key that names a distribution.",
            "anyOf": shapes,
        })
    }
}

/// The schema of a map with exactly this key.
pub fn one_key(name: &str, schema: &Schema) -> serde_json::Value {
    serde_json::json!({
        "type": "object",
        "properties": {name: schema},
        "required": [name],
        "additionalProperties": false,
    })
}
