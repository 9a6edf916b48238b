{{/* What things are called. Names leave room for "-headless", and for the ordinal that the StatefulSet adds. */}}

{{- define "mailsonar.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 52 | trimSuffix "-" -}}
{{- end }}

{{- define "mailsonar.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end }}

{{- define "mailsonar.serviceAccount" -}}
{{- default (ternary (include "mailsonar.fullname" .) "default" .Values.serviceAccount.create) .Values.serviceAccount.name -}}
{{- end }}

{{- define "mailsonar.image" -}}
{{- $tag := default .Chart.AppVersion .Values.image.tag -}}
{{- .Values.image.repository -}}
{{- with .Values.image.digest }}@{{ . }}{{ else }}:{{ $tag }}{{ end -}}
{{- end }}

{{/* What a selector asks for: never changes in the life of a release. */}}
{{- define "mailsonar.selector" -}}
app.kubernetes.io/name: {{ include "mailsonar.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "mailsonar.labels" -}}
{{- $own := dict
      "app.kubernetes.io/name" (include "mailsonar.name" .)
      "app.kubernetes.io/instance" .Release.Name
      "app.kubernetes.io/version" (.Chart.AppVersion | replace "+" "_")
      "app.kubernetes.io/managed-by" .Release.Service
      "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_") -}}
{{- merge $own .Values.commonLabels | toYaml -}}
{{- end }}

{{/* The metadata of an object of the chart. Takes the root and, as wanted, suffix, labels and annotations. */}}
{{- define "mailsonar.metadata" -}}
name: {{ include "mailsonar.fullname" .root }}{{ default "" .suffix }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- merge (include "mailsonar.labels" .root | fromYaml) (default dict .labels) | toYaml | nindent 2 }}
{{- with merge (dict) (default dict .annotations) .root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
