{{/* Parts of an agent's pod. */}}

{{- define "mailsonar.arguments" -}}
- run
- --config.file=/etc/mailsonar/mailsonar.yml
- --storage.path=/var/lib/mailsonar
- --shard.total={{ int .Values.shards }}
- --web.listen-address=:9525
{{- if .Values.webConfig.existingSecret }}
- --web.config.file=/etc/mailsonar-web/web.yml
{{- end }}
{{- if .Values.lifecycle }}
- --web.enable-lifecycle
{{- end }}
- --log.level={{ .Values.log.level }}
- --log.format={{ .Values.log.format }}
{{- end }}

{{- define "mailsonar.probes" -}}
{{- $paths := dict "startup" "/-/healthy" "liveness" "/-/healthy" "readiness" "/-/ready" -}}
{{- range $kind, $path := $paths }}
{{ $kind }}Probe:
  {{- if $.Values.webConfig.clientCertificates }}
  tcpSocket: {port: http}
  {{- else }}
  httpGet: {path: {{ $path }}, port: http, scheme: {{ ternary "HTTPS" "HTTP" $.Values.webConfig.tls }}}
  {{- end }}
  {{- toYaml (index $.Values.probes $kind) | nindent 2 }}
{{- end }}
{{- end }}

{{- define "mailsonar.placement" -}}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "mailsonar.spread" -}}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.topologySpreadConstraints }}
topologySpreadConstraints:
  {{- range . }}
  {{- $ours := dict "labelSelector" (dict "matchLabels" (include "mailsonar.agents" $ | fromYaml)) }}
  - {{ merge (dict) . $ours | toYaml | nindent 4 | trim }}
  {{- end }}
{{- end }}
{{- end }}

{{/* The labels that only agents have. */}}
{{- define "mailsonar.agents" -}}
{{- include "mailsonar.selector" . }}
app.kubernetes.io/component: agent
{{- end }}
