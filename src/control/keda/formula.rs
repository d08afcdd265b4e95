//! The formula of scaling modifiers, in the language expr-lang/expr.
//!
//! KEDA compiles `advanced.scalingModifiers.formula` over the triggers' names, tries it, and casts
//! what it gives to a number (kedacore/keda @ 8b4f083c: `ValidateAndCompileScalingModifiers` and
//! `castToFloatIfNecessary` of `apis/keda/v1alpha1/scaledobject_webhook.go`;
//! `calculateScalingModifiersFormula` of `pkg/scaling/modifiers/formula.go`). The language is that
//! of the crate `expr-lang`. KEDA's own compiler refuses two things that the crate finds late or
//! reads in another way: names that nobody has, and `??` beside another operator (expr-lang/expr
//! 1.17.8 `parser/parser.go`).

use std::fmt;

use expr::{Context, ContextProvider, Error, Program, Value};

/// A compiled formula; names of triggers are resolved to their positions.
#[derive(Clone, Debug)]
pub struct Formula {
    text: Box<str>,
    names: Box<[Box<str>]>,
    program: Program,
}

impl PartialEq for Formula {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text && self.names == other.names
    }
}

/// Why a formula cannot be read or evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormulaError {
    /// Position in the text, in bytes, where there is one.
    pub at: Option<usize>,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for FormulaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at {
            Some(at) => write!(f, "{} (at character {})", self.message, at + 1),
            None => f.write_str(&self.message),
        }
    }
}

/// Words of the language that stand where a name could.
const KEYWORDS: &[&str] = &[
    "and",
    "contains",
    "else",
    "endsWith",
    "false",
    "if",
    "in",
    "let",
    "matches",
    "nil",
    "not",
    "or",
    "startsWith",
    "true",
];

/// What triggers show when a formula is tried. KEDA tries -1 alone, but also checks types.
const TRIALS: &[f64] = &[-1.0, 0.0, 1.0, 1e6];

impl Formula {
    /// Reads a formula over the triggers named `names` (a trigger is found by its position there;
    /// one without a name, `""`, by nobody).
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn compile(text: &str, names: &[&str]) -> Result<Self, FormulaError> {
        let program = expr::compile(text).map_err(|error| unreadable(&error))?;
        let tokens = tokens(text);
        names_are_known(&tokens, names)?;
        coalescing_stands_alone(&tokens)?;
        let names = names.iter().map(|&name| name.into()).collect();
        let formula = Self { text: text.into(), names, program };
        for &value in TRIALS {
            formula.evaluate(&|_| Some(value))?;
        }
        Ok(formula)
    }

    /// The value with `value(i)` for the i-th trigger (`None`: nil); `None` if the result is nil.
    ///
    /// # Errors
    /// Where types do not fit, or the result is no number.
    pub fn evaluate(
        &self,
        value: &dyn Fn(usize) -> Option<f64>,
    ) -> Result<Option<f64>, FormulaError> {
        let value = |index| value(index).map_or(Value::Nil, Value::Float);
        let values = (0..self.names.len()).map(value).collect();
        let seen = Triggers { names: &self.names, values };
        match expr::run(&self.program, &seen) {
            Ok(Value::Float(number)) => Ok(Some(number)),
            Ok(Value::Integer(number)) => Ok(Some(number as f64)),
            // KEDA casts to a number, and leaves nil be in a formula with `??`.
            Ok(Value::Nil) if self.text.contains("??") => Ok(None),
            Ok(_) => wrong(None, "the formula does not give a number".to_owned()),
            Err(error) => wrong(None, error.to_string()),
        }
    }
}

/// What the triggers show, by name.
struct Triggers<'a> {
    names: &'a [Box<str>],
    values: Vec<Value>,
}

impl ContextProvider for Triggers<'_> {
    fn get(&self, key: &str) -> Option<&Value> {
        let index = self.names.iter().position(|name| **name == *key)?;
        self.values.get(index)
    }

    fn to_context(&self) -> Context {
        self.names.iter().zip(self.values.iter().cloned()).collect()
    }
}

fn wrong<T>(at: Option<usize>, message: String) -> Result<T, FormulaError> {
    Err(FormulaError { at, message })
}

/// What the library cannot read. Its message draws the text with a caret: of that, the place.
fn unreadable(error: &Error) -> FormulaError {
    let text = error.to_string();
    if !matches!(error, Error::PestError(_)) {
        return FormulaError { at: None, message: text };
    }
    let column = text.lines().next().and_then(|line| line.rsplit(':').next()?.parse().ok());
    let message = "the formula cannot be read: expected a value, an operator or the end".to_owned();
    FormulaError { at: column.map(|column: usize| column.saturating_sub(1)), message }
}

/// A word, number, string or sign of a formula, and where it begins.
type Token<'a> = (usize, &'a str);

/// The tokens of a formula that the library has read.
fn tokens(text: &str) -> Vec<Token<'_>> {
    let part_of_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '#' | '$');
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        let length = match first {
            _ if first.is_whitespace() => {
                at += first.len_utf8();
                continue;
            }
            '"' | '\'' | '`' => string_length(rest, first),
            _ if first.is_ascii_digit() => {
                rest.find(|c| !part_of_word(c) && c != '.').unwrap_or(rest.len())
            }
            _ if part_of_word(first) => rest.find(|c| !part_of_word(c)).unwrap_or(rest.len()),
            '?' if rest.starts_with("??") => 2,
            _ => first.len_utf8(),
        };
        tokens.push((at, &rest[..length]));
        at += length;
    }
    tokens
}

/// The length of a string with its quotes; a backslash escapes all but in raw strings.
fn string_length(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        if c == quote && !escaped {
            return at + c.len_utf8();
        }
        escaped = c == '\\' && !escaped && quote != '`';
    }
    rest.len()
}

/// Every name is a trigger's, a variable's or a function's.
fn names_are_known(tokens: &[Token<'_>], names: &[&str]) -> Result<(), FormulaError> {
    let mut variables = Vec::new();
    for (index, &(at, word)) in tokens.iter().enumerate() {
        let before = index.checked_sub(1).map_or("", |before| tokens[before].1);
        if before == "let" {
            variables.push(word);
        }
        let is_name = word.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && !KEYWORDS.contains(&word)
            && before != ".";
        let is_call = tokens.get(index + 1).is_some_and(|&(_, next)| next == "(");
        if is_name && is_call && !is_function(word) {
            let mend = if word == "avg" { "; the mean is `mean`" } else { "" };
            return wrong(Some(at), format!("no function is named `{word}`{mend}"));
        }
        if is_name && !is_call && !names.contains(&word) && !variables.contains(&word) {
            return wrong(Some(at), format!("no trigger is named `{word}`"));
        }
    }
    Ok(())
}

/// Whether the library has a function; it says so by what it answers to a call.
fn is_function(name: &str) -> bool {
    let answer = expr::eval(&format!("{name}()"), &Context::default());
    !answer.is_err_and(|error| error.to_string().starts_with("Unknown function"))
}

/// `??` binds tightest, and beside another operator upstream asks for parentheses: "Operator (%v)
/// and coalesce expressions (??) cannot be mixed". The crate would take all that follows.
fn coalescing_stands_alone(tokens: &[Token<'_>]) -> Result<(), FormulaError> {
    let mut depth = 0_usize;
    let mut open_since = None;
    let mut before = "";
    for &(at, token) in tokens {
        let is_sign = before == "??" && matches!(token, "+" | "-" | "!" | "not");
        before = token;
        match token {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" | "," | ":" | ";" => {
                if open_since == Some(depth) {
                    open_since = None;
                }
                depth -= usize::from(matches!(token, ")" | "]" | "}")).min(depth);
            }
            "??" => open_since = open_since.or(Some(depth)),
            _ if open_since == Some(depth) && !is_sign && is_operator(token) => {
                let text = format!("`{token}` and `??` cannot be mixed: put one in parentheses");
                return wrong(Some(at), text);
            }
            _ => {}
        }
    }
    Ok(())
}

fn is_operator(token: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '#' | '$' | '"' | '\'' | '`');
    matches!(token, "and" | "or" | "in" | "not") || !token.starts_with(|c| is_word(c) || c == '.')
}

#[cfg(test)]
mod tests;
