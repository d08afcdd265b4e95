//! Large manifests: what `kubectl get -o yaml` of a whole namespace prints.

use std::fmt::Write;

use forescale::scenario::Severity;
use forescale::scenario::pods::Tables;

use crate::kit;

#[test]
fn a_list_of_more_than_a_megabyte_is_read() {
    let mut text = String::from("apiVersion: v1\nkind: List\nitems:\n");
    let mut count = 0;
    while text.len() < 1_400_000 {
        writeln!(
            text,
            "- apiVersion: apps/v1
  kind: Deployment
  metadata: {{name: service-{count}, namespace: shop, uid: \"{count}\", generation: 3}}
  spec:
    replicas: {replicas}
    selector: {{matchLabels: {{app: service-{count}}}}}
    template:
      metadata: {{labels: {{app: service-{count}, version: v1}}}}
      spec:
        containers:
        - name: main
          image: shop.azurecr.io/service-{count}:1
          env: [{{name: A, value: \"1\"}}, {{name: B, value: \"2\"}}]
          readinessProbe: {{httpGet: {{path: /, port: 80}}, periodSeconds: 5}}
          lifecycle: {{preStop: {{sleep: {{seconds: 5}}}}}}
          resources: {{requests: {{cpu: 100m, memory: 128Mi}}, limits: {{memory: 128Mi}}}}
        affinity:
          podAntiAffinity:
            preferredDuringSchedulingIgnoredDuringExecution:
            - weight: 100
              podAffinityTerm:
                topologyKey: kubernetes.io/hostname
                labelSelector: {{matchLabels: {{app: service-{count}}}}}
  status: {{availableReplicas: {replicas}}}",
            replicas = count % 5,
        )
        .unwrap();
        count += 1;
    }
    let mut tables = Tables::default();
    let (drafts, mut found) = kit::drafts(&text, &mut tables);
    let lowered = kit::lowered(drafts, &mut tables, &mut found);
    assert_eq!(lowered.workloads.len(), count);
    assert_eq!(tables.shapes().len(), count);
    assert_eq!(found.not_modelled(), ["spec.template.spec.containers[].lifecycle"]);
    let found = found.into_list();
    assert_eq!(kit::messages(&found, Severity::Error), [""; 0]);
    assert!(found[0].message.ends_with(&format!("({count} times)")), "{}", found[0].message);
}
