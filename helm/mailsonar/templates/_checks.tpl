{{/* What is refused before anything reaches the cluster, all of it in one go, each with what to do instead. */}}

{{- define "mailsonar.check" -}}
{{- $problems := list -}}
{{- $existing := or .Values.existingConfig.configMap .Values.existingConfig.secret -}}
{{- if and .Values.existingConfig.configMap .Values.existingConfig.secret -}}
{{- $problems = append $problems "existingConfig: name a configMap or a secret, not both" -}}
{{- end -}}
{{- if and $existing (or .Values.config .Values.configFiles) -}}
{{- $problems = append $problems "config and configFiles: existingConfig is used in their place, so leave them out" -}}
{{- end -}}
{{- if not (or $existing .Values.config) -}}
{{- $problems = append $problems "config: there is none; set config, existingConfig.configMap or existingConfig.secret" -}}
{{- end -}}
{{- if hasKey .Values.configFiles "mailsonar.yml" -}}
{{- $problems = append $problems "configFiles.mailsonar.yml: this is the name of the main file; write it under config" -}}
{{- end -}}
{{- if and (not $existing) (gt (int .Values.shards) 1) (not .Values.config.signing_key) -}}
{{- $problems = append $problems (printf "config.signing_key: %d shards must recognise each other's messages; give them one key, such as {file: /run/secrets/mailsonar/signing-key}" (int .Values.shards)) -}}
{{- end -}}
{{- if and .Values.monitoring.serviceMonitor.enabled .Values.monitoring.podMonitor.enabled -}}
{{- $problems = append $problems "monitoring: serviceMonitor and podMonitor would scrape every agent twice; enable one" -}}
{{- end -}}
{{- if and .Values.externalSecret.enabled (not .Values.externalSecret.secretStoreRef.name) -}}
{{- $problems = append $problems "externalSecret.secretStoreRef.name: name the store that secrets are fetched from" -}}
{{- end -}}
{{- if and .Values.externalSecret.enabled (not .Values.externalSecret.data) -}}
{{- $problems = append $problems "externalSecret.data: say what is to be fetched" -}}
{{- end -}}
{{- if and .Values.ingress.enabled (not .Values.ingress.hosts) -}}
{{- $problems = append $problems "ingress.hosts: name at least one host" -}}
{{- end -}}
{{- if and (or .Values.webConfig.tls .Values.webConfig.clientCertificates) (not .Values.webConfig.existingSecret) -}}
{{- $problems = append $problems "webConfig.existingSecret: TLS stands in a web.yml; name the Secret that holds it" -}}
{{- end -}}
{{- $names := include "mailsonar.secretNames" . | fromJsonArray -}}
{{- range $name := $names | uniq -}}
{{- if and (hasKey $.Values.secrets $name) (has $name (keys (include "mailsonar.fetched" $ | fromJson))) -}}
{{- $problems = append $problems (printf "secrets.%s: externalSecret.data has the same name; a file has one source" $name) -}}
{{- end -}}
{{- end -}}
{{- $ports := list -}}
{{- if and .Values.networkPolicy.enabled (not .Values.networkPolicy.extraEgress) -}}
{{- range .Values.networkPolicy.mailPorts }}{{- $ports = append $ports (int .) -}}{{- end -}}
{{- end -}}
{{- $walk := dict "names" $names "open" (not (empty .Values.secretsFrom)) "ports" $ports -}}
{{- range $part := list "config" "configFiles" -}}
{{- $found := include "mailsonar.walk" (dict "value" (index $.Values $part) "path" $part "walk" $walk) -}}
{{- $problems = concat $problems (splitList "\n" $found | compact) -}}
{{- end -}}
{{- if $problems -}}
{{- fail (printf "\n\nThe values cannot be used:\n- %s\n" (join "\n- " $problems)) -}}
{{- end -}}
{{- end }}

{{/* A line for each secret that stands in the config or that no file would hold, and each port that nothing lets out to. */}}
{{- define "mailsonar.walk" -}}
{{- $folder := "/run/secrets/mailsonar/" -}}
{{- $context := . -}}
{{- if kindIs "map" .value -}}
{{- range $key, $value := .value -}}
{{- $path := printf "%s.%s" $context.path $key -}}
{{- $secret := has $key (list "password" "client_secret" "refresh_token" "signing_key") -}}
{{- if and $secret (not (kindIs "map" $value)) (not (kindIs "invalid" $value)) }}
{{ $path }}: an inline secret would stand in a ConfigMap for all to read; put it into a Secret, name that under secrets, and write {file: {{ $folder }}NAME}
{{- else if and $secret $value (hasKey $value "env") }}
{{ $path }}: the agent's environment holds no secrets here; write {file: {{ $folder }}NAME}, and name its Secret under secrets
{{- else if and (eq $key "port") (not (kindIs "map" $value)) $context.walk.ports (not (has (int $value) $context.walk.ports)) }}
{{ $path }}: networkPolicy lets nothing out to port {{ int $value }}; add it to networkPolicy.mailPorts
{{- else -}}
{{- include "mailsonar.walk" (dict "value" $value "path" $path "walk" $context.walk) -}}
{{- end -}}
{{- end -}}
{{- else if kindIs "slice" .value -}}
{{- range $index, $value := .value -}}
{{- include "mailsonar.walk" (dict "value" $value "path" (printf "%s.%d" $context.path $index) "walk" $context.walk) -}}
{{- end -}}
{{- else if kindIs "string" .value -}}
{{- if contains "PRIVATE KEY-----" .value }}
{{ .path }}: a private key would stand in a ConfigMap for all to read; put it into a Secret, name that under secrets, and write its path
{{- else if and (hasPrefix $folder .value) (not .walk.open) (not (has (trimPrefix $folder .value) .walk.names)) }}
{{ .path }}: nothing brings {{ .value }}; name its Secret and key as secrets.{{ trimPrefix $folder .value }}
{{- end -}}
{{- end -}}
{{- end }}

{{/* What External Secrets fetches, by file name, as JSON; nothing where it is not enabled. */}}
{{- define "mailsonar.fetched" -}}
{{- ternary .Values.externalSecret.data dict .Values.externalSecret.enabled | toJson -}}
{{- end }}

{{/* The names of all files that are brought by name, as a JSON list. */}}
{{- define "mailsonar.secretNames" -}}
{{- concat (keys .Values.secrets) (keys (include "mailsonar.fetched" . | fromJson)) | sortAlpha | toJson -}}
{{- end }}
