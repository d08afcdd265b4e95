//! The formula of scaling modifiers: the part of expr-lang that speaks of numbers.
//!
//! KEDA evaluates `advanced.scalingModifiers.formula` with expr-lang/expr (kedacore/keda @
//! 8b4f083c, `pkg/scaling/modifiers/formula.go`). Here: numbers, `true`, `false`, `nil`, names of
//! triggers, lists, `+ - * / % ** ^`, comparisons, `and or not && || !`, `?:`, `??`, and the
//! functions of [`FUNCTIONS`]. Precedences are those of expr-lang's `parser/operator`.

use std::fmt;

use crate::chance::maths;

/// A compiled formula; names of triggers are resolved to their positions.
#[derive(Clone, Debug, PartialEq)]
pub struct Formula {
    root: Node,
}

/// Why a formula cannot be read or evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormulaError {
    /// Position in the text, in bytes (of evaluation: 0).
    pub at: usize,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for FormulaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at {})", self.message, self.at)
    }
}

/// The functions that a formula may call.
pub const FUNCTIONS: &[&str] = &[
    "abs", "avg", "ceil", "count", "float", "floor", "int", "len", "max", "mean", "min", "round",
    "sum",
];

#[derive(Clone, Debug, PartialEq)]
enum Node {
    Value(Value),
    Trigger(usize),
    /// `#` in a predicate.
    Item,
    List(Vec<Node>),
    Not(Box<Node>),
    Minus(Box<Node>),
    Binary(Operator, Box<Node>, Box<Node>),
    If(Box<Node>, Box<Node>, Box<Node>),
    Call(usize, Vec<Node>),
    /// `count(list, predicate)`, `sum(list, mapping)`.
    CallEach(usize, Box<Node>, Box<Node>),
}

#[derive(Clone, Debug, PartialEq)]
enum Value {
    Number(f64),
    Bool(bool),
    Nil,
    List(Vec<Value>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Power,
    Coalesce,
}

/// Spelling, operator, precedence; longer spellings first.
const OPERATORS: &[(&str, Operator, u8)] = &[
    ("??", Operator::Coalesce, 250),
    ("**", Operator::Power, 100),
    ("^", Operator::Power, 100),
    ("||", Operator::Or, 10),
    ("or", Operator::Or, 10),
    ("&&", Operator::And, 15),
    ("and", Operator::And, 15),
    ("==", Operator::Equal, 20),
    ("!=", Operator::NotEqual, 20),
    ("<=", Operator::LessOrEqual, 20),
    (">=", Operator::GreaterOrEqual, 20),
    ("<", Operator::Less, 20),
    (">", Operator::Greater, 20),
    ("+", Operator::Add, 30),
    ("-", Operator::Subtract, 30),
    ("*", Operator::Multiply, 60),
    ("/", Operator::Divide, 60),
    ("%", Operator::Remainder, 60),
];
const NOT_BINDS: u8 = 50;
const SIGN_BINDS: u8 = 90;

impl Formula {
    /// Reads a formula over the triggers named `names` (a trigger is found by its position there).
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn compile(text: &str, names: &[&str]) -> Result<Self, FormulaError> {
        let mut parser = Parser { text, at: 0, names };
        let root = parser.expression(0)?;
        parser.space();
        if parser.at < text.len() {
            return parser.fail("expected an operator or the end");
        }
        Ok(Self { root })
    }

    /// The value with `value(i)` for the i-th trigger (`None`: nil); `None` if the result is nil.
    ///
    /// # Errors
    /// Where types do not fit, or the result is no number.
    pub fn evaluate(
        &self,
        value: &dyn Fn(usize) -> Option<f64>,
    ) -> Result<Option<f64>, FormulaError> {
        match self.root.evaluate(value, None)? {
            Value::Number(number) => Ok(Some(number)),
            Value::Nil => Ok(None),
            _ => wrong("the formula does not give a number"),
        }
    }
}

fn wrong<T>(message: &str) -> Result<T, FormulaError> {
    Err(FormulaError { at: 0, message: message.to_owned() })
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    names: &'a [&'a str],
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn fail<T>(&self, message: &str) -> Result<T, FormulaError> {
        Err(FormulaError { at: self.at, message: message.to_owned() })
    }

    fn space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn takes(&mut self, token: &str) -> bool {
        self.space();
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn needs(&mut self, token: &str) -> Result<(), FormulaError> {
        if self.takes(token) { Ok(()) } else { self.fail(&format!("expected `{token}`")) }
    }

    fn word(&self) -> &'a str {
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        let rest = self.rest();
        &rest[..rest.find(|c| !is_part(c)).unwrap_or(rest.len())]
    }

    fn operator(&mut self) -> Option<(&'static str, Operator, u8)> {
        self.space();
        let word = self.word();
        OPERATORS.iter().copied().find(|(spelling, ..)| {
            let is_word = spelling.starts_with(char::is_alphabetic);
            if is_word { word == *spelling } else { self.rest().starts_with(spelling) }
        })
    }

    fn expression(&mut self, least: u8) -> Result<Node, FormulaError> {
        let mut left = self.unary()?;
        while let Some((spelling, operator, precedence)) = self.operator() {
            if precedence < least {
                break;
            }
            self.at += spelling.len();
            let right_binds = precedence + u8::from(operator != Operator::Power);
            let right = self.expression(right_binds)?;
            left = Node::Binary(operator, Box::new(left), Box::new(right));
        }
        if least == 0 && self.takes("?") {
            let yes = self.expression(0)?;
            self.needs(":")?;
            let no = self.expression(0)?;
            left = Node::If(Box::new(left), Box::new(yes), Box::new(no));
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Node, FormulaError> {
        self.space();
        if self.word() == "not" {
            self.at += 3;
            return Ok(Node::Not(Box::new(self.expression(NOT_BINDS)?)));
        }
        if self.takes("!") {
            return Ok(Node::Not(Box::new(self.expression(NOT_BINDS)?)));
        }
        if self.takes("-") {
            return Ok(Node::Minus(Box::new(self.expression(SIGN_BINDS)?)));
        }
        if self.takes("+") {
            return self.expression(SIGN_BINDS);
        }
        self.primary()
    }

    fn primary(&mut self) -> Result<Node, FormulaError> {
        if self.takes("(") {
            let inner = self.expression(0)?;
            self.needs(")")?;
            return Ok(inner);
        }
        if self.takes("[") {
            return Ok(Node::List(self.items("]")?));
        }
        if self.takes("#") {
            return Ok(Node::Item);
        }
        if self.rest().starts_with(|c: char| c.is_ascii_digit() || c == '.') {
            return self.number();
        }
        let word = self.word();
        if word.is_empty() {
            return self.fail("expected a number, a trigger's name or `(`");
        }
        if let Some(index) = self.names.iter().position(|name| *name == word) {
            self.at += word.len();
            return Ok(Node::Trigger(index));
        }
        let literal = match word {
            "true" => Some(Value::Bool(true)),
            "false" => Some(Value::Bool(false)),
            "nil" => Some(Value::Nil),
            _ => None,
        };
        if let Some(literal) = literal {
            self.at += word.len();
            return Ok(Node::Value(literal));
        }
        match FUNCTIONS.iter().position(|name| *name == word) {
            Some(function) => {
                self.at += word.len();
                self.needs("(")?;
                self.call(function)
            }
            None => self.fail(&format!("no trigger and no function is named `{word}`")),
        }
    }

    fn items(&mut self, end: &str) -> Result<Vec<Node>, FormulaError> {
        let mut items = Vec::new();
        while !self.takes(end) {
            if !items.is_empty() {
                self.needs(",")?;
            }
            items.push(self.expression(0)?);
        }
        Ok(items)
    }

    fn call(&mut self, function: usize) -> Result<Node, FormulaError> {
        let mut arguments = Vec::new();
        while !self.takes(")") {
            if !arguments.is_empty() {
                self.needs(",")?;
            }
            let braced = self.takes("{");
            let argument = self.expression(0)?;
            if braced {
                self.needs("}")?;
            }
            let has_item = braced || argument.mentions_item();
            if arguments.len() == 1 && has_item && matches!(FUNCTIONS[function], "count" | "sum") {
                self.needs(")")?;
                let list = Box::new(arguments.remove(0));
                return Ok(Node::CallEach(function, list, Box::new(argument)));
            }
            arguments.push(argument);
        }
        Ok(Node::Call(function, arguments))
    }

    fn number(&mut self) -> Result<Node, FormulaError> {
        let rest = self.rest();
        let mut end = 0;
        for (at, c) in rest.char_indices() {
            let after_exponent = matches!(rest[..at].chars().last(), Some('e' | 'E'));
            let part = c.is_ascii_digit() || matches!(c, '.' | '_' | 'e' | 'E');
            if !(part || (after_exponent && matches!(c, '+' | '-'))) {
                break;
            }
            end = at + 1;
        }
        match rest[..end].replace('_', "").parse() {
            Ok(number) => {
                self.at += end;
                Ok(Node::Value(Value::Number(number)))
            }
            Err(_) => self.fail("expected a number"),
        }
    }
}

type Triggers<'a> = &'a dyn Fn(usize) -> Option<f64>;

impl Node {
    fn mentions_item(&self) -> bool {
        match self {
            Self::Item => true,
            Self::Value(_) | Self::Trigger(_) | Self::CallEach(..) => false,
            Self::List(nodes) | Self::Call(_, nodes) => nodes.iter().any(Self::mentions_item),
            Self::Not(node) | Self::Minus(node) => node.mentions_item(),
            Self::Binary(_, left, right) => left.mentions_item() || right.mentions_item(),
            Self::If(test, yes, no) => [test, yes, no].iter().any(|node| node.mentions_item()),
        }
    }

    fn evaluate(
        &self,
        triggers: Triggers<'_>,
        item: Option<&Value>,
    ) -> Result<Value, FormulaError> {
        Ok(match self {
            Self::Value(value) => value.clone(),
            Self::Trigger(index) => triggers(*index).map_or(Value::Nil, Value::Number),
            Self::Item => match item {
                Some(item) => item.clone(),
                None => return wrong("`#` stands only in a predicate"),
            },
            Self::List(nodes) => {
                let values = nodes.iter().map(|node| node.evaluate(triggers, item));
                Value::List(values.collect::<Result<_, _>>()?)
            }
            Self::Not(node) => Value::Bool(!node.evaluate(triggers, item)?.bool()?),
            Self::Minus(node) => Value::Number(-node.evaluate(triggers, item)?.number()?),
            Self::If(test, yes, no) => {
                let chosen = if test.evaluate(triggers, item)?.bool()? { yes } else { no };
                chosen.evaluate(triggers, item)?
            }
            Self::Binary(operator, left, right) => {
                let left = left.evaluate(triggers, item)?;
                operator.apply(left, || right.evaluate(triggers, item))?
            }
            Self::Call(function, arguments) => {
                let mut numbers = Vec::new();
                for argument in arguments {
                    argument.evaluate(triggers, item)?.flatten(&mut numbers)?;
                }
                call(FUNCTIONS[*function], &numbers)?
            }
            Self::CallEach(function, list, each) => {
                let Value::List(values) = list.evaluate(triggers, item)? else {
                    return wrong("expected a list");
                };
                let mut sum = 0.0;
                for value in &values {
                    sum += match each.evaluate(triggers, Some(value))? {
                        Value::Bool(held) if FUNCTIONS[*function] == "count" => f64::from(held),
                        Value::Number(number) if FUNCTIONS[*function] == "sum" => number,
                        _ => return wrong("the predicate gives the wrong type"),
                    };
                }
                Value::Number(sum)
            }
        })
    }
}

impl Operator {
    fn apply(
        self,
        left: Value,
        right: impl Fn() -> Result<Value, FormulaError>,
    ) -> Result<Value, FormulaError> {
        let number = |f: fn(f64, f64) -> f64, left: Value| {
            Ok(Value::Number(f(left.number()?, right()?.number()?)))
        };
        let compare = |f: fn(&f64, &f64) -> bool, left: Value| {
            Ok(Value::Bool(f(&left.number()?, &right()?.number()?)))
        };
        match self {
            Self::Coalesce => {
                if left == Value::Nil {
                    right()
                } else {
                    Ok(left)
                }
            }
            Self::Or => Ok(Value::Bool(left.bool()? || right()?.bool()?)),
            Self::And => Ok(Value::Bool(left.bool()? && right()?.bool()?)),
            Self::Equal => Ok(Value::Bool(left == right()?)),
            Self::NotEqual => Ok(Value::Bool(left != right()?)),
            Self::Less => compare(f64::lt, left),
            Self::LessOrEqual => compare(f64::le, left),
            Self::Greater => compare(f64::gt, left),
            Self::GreaterOrEqual => compare(f64::ge, left),
            Self::Add => number(|a, b| a + b, left),
            Self::Subtract => number(|a, b| a - b, left),
            Self::Multiply => number(|a, b| a * b, left),
            Self::Divide => number(|a, b| a / b, left),
            Self::Remainder => number(|a, b| a % b, left),
            Self::Power => number(maths::pow, left),
        }
    }
}

impl Value {
    fn number(&self) -> Result<f64, FormulaError> {
        if let Self::Number(number) = self { Ok(*number) } else { wrong("expected a number") }
    }

    fn bool(&self) -> Result<bool, FormulaError> {
        if let Self::Bool(held) = self { Ok(*held) } else { wrong("expected a condition") }
    }

    fn flatten(&self, numbers: &mut Vec<f64>) -> Result<(), FormulaError> {
        match self {
            Self::List(values) => values.iter().try_for_each(|value| value.flatten(numbers)),
            value => value.number().map(|number| numbers.push(number)),
        }
    }
}

fn call(function: &str, numbers: &[f64]) -> Result<Value, FormulaError> {
    let sum = numbers.iter().sum::<f64>();
    let many = numbers.len() as f64;
    let extreme = |f: fn(f64, f64) -> f64| numbers.iter().copied().reduce(f);
    let one = |f: fn(f64) -> f64| if let [x] = numbers { Some(f(*x)) } else { None };
    let value = match function {
        "sum" => Some(sum),
        "avg" | "mean" => (many > 0.0).then_some(sum / many),
        "count" | "len" => Some(many),
        "min" => extreme(f64::min),
        "max" => extreme(f64::max),
        "abs" => one(f64::abs),
        "ceil" => one(f64::ceil),
        "floor" => one(f64::floor),
        "round" => one(f64::round),
        "int" => one(f64::trunc),
        _ => one(|x| x),
    };
    value.map_or_else(|| wrong("wrong number of arguments"), |value| Ok(Value::Number(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Result<Option<f64>, FormulaError> {
        let values = [Some(2.0), Some(5.0), None];
        Formula::compile(text, &["one", "two", "gone"])?.evaluate(&|index| values[index])
    }

    #[test]
    fn formulas_of_the_documentation() {
        for (text, expected) in [
            ("one + two", 7.0),
            ("(one + two)/2", 3.5),
            ("one + two * 2 ** 3", 42.0),
            ("one > 2 ? one + two : 1", 1.0),
            ("one < two and not (two == 3) ? 10 : 20", 10.0),
            ("gone ?? two", 5.0),
            ("gone ?? one + 1", 3.0),
            ("gone == nil ? 1 : 0", 1.0),
            ("sum([one, two])", 7.0),
            ("avg([one, two])", 3.5),
            ("max(one, two) - min([one, two])", 3.0),
            ("count([one, two], {# > 2}) > 0 ? 5 : 0", 5.0),
            ("count([one, two], # > 2)", 1.0),
            ("sum([one, two], # * 2)", 14.0),
            ("-one ** 2", -4.0),
            ("1_000 + 1e3 + .5", 2_000.5),
            ("ceil(two / one) % 2", 1.0),
            ("one - two - 1", -4.0),
        ] {
            assert_eq!(value(text), Ok(Some(expected)), "{text}");
        }
        assert_eq!(value("gone"), Ok(None));
    }

    #[test]
    fn mistakes_are_errors() {
        for text in
            ["", "one +", "three", "one two", "one > two", "gone + 1", "max()", "f(1)", "(1"]
        {
            assert!(value(text).is_err(), "{text}");
        }
        assert_eq!(Formula::compile("one + thre", &["one"]).unwrap_err().at, 6);
    }
}
