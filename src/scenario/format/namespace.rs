//! `namespaces:`: labels, quotas and limit ranges in the short form.

use indexmap::IndexMap;

use super::reader::{Raw, section};
use super::value::Text;

section! {
    /// Rules of a namespace.
    pub struct Namespace {
        /// Labels, which pod affinity may select.
        "labels" labels: IndexMap<String, Text>;
        /// `spec` of a ResourceQuota: `{hard: {requests.cpu: 4, pods: 10}}`.
        "resourceQuota" quota: Raw;
        /// `spec` of a LimitRange: `{limits: [{type: Container, default: {cpu: 1}}]}`.
        "limitRange" limits: Raw;
    }
}
