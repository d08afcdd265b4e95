//! `apiVersion` and `kind`.

use crate::scenario::code;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::format::Scenario;
use crate::scenario::reading::Reading;

/// The version of the format.
const API_VERSION: &str = "forescale/v1";

/// The file is a scenario of this version of the format.
pub fn header(reading: &mut Reading<'_>, scenario: &Scenario) {
    for (key, given, expected) in
        [("apiVersion", &scenario.api_version, API_VERSION), ("kind", &scenario.kind, "Scenario")]
    {
        if let Some(at) = given.as_ref().filter(|at| at.value.0 != expected) {
            reading.report(
                Diagnostic::error(code::BAD_VALUE, format!("`{key}` must be `{expected}`"))
                    .at(at.span, "")
                    .help("Kubernetes objects go under `manifests:`"),
            );
        }
    }
}
