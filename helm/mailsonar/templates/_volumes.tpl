{{/* The volumes of an agent. All are mounted as folders, so that changes reach the running agent, which reloads. */}}

{{- define "mailsonar.volumes" -}}
- name: config
  {{- if .Values.existingConfig.secret }}
  secret: {secretName: {{ .Values.existingConfig.secret }}, defaultMode: 288}
  {{- else }}
  configMap: {name: {{ default (printf "%s-config" (include "mailsonar.fullname" .)) .Values.existingConfig.configMap }}}
  {{- end }}
{{- if include "mailsonar.hasSecrets" . }}
- name: secrets
  projected:
    defaultMode: 288  # 0440: for the agent's group
    sources:
      {{- range $name, $source := .Values.secrets }}
      - secret: {name: {{ $source.secret }}, items: [{key: {{ $source.key | quote }}, path: {{ $name | quote }}}]}
      {{- end }}
      {{- with include "mailsonar.fetched" . | fromJson }}
      - secret:
          name: {{ include "mailsonar.fullname" $ }}-fetched
          items:
            {{- range $name := keys . | sortAlpha }}
            - {key: {{ $name | quote }}, path: {{ $name | quote }}}
            {{- end }}
      {{- end }}
      {{- range .Values.secretsFrom }}
      - secret: {name: {{ . }}}
      {{- end }}
{{- end }}
{{- with .Values.webConfig.existingSecret }}
- name: web-config
  secret: {secretName: {{ . }}, defaultMode: 288}
{{- end }}
{{- if not .Values.persistence.enabled }}
- name: state
  emptyDir: {sizeLimit: {{ .Values.emptyDir.sizeLimit }}}
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "mailsonar.mounts" -}}
- {name: config, mountPath: /etc/mailsonar, readOnly: true}
{{- if include "mailsonar.hasSecrets" . }}
- {name: secrets, mountPath: /run/secrets/mailsonar, readOnly: true}
{{- end }}
{{- if .Values.webConfig.existingSecret }}
- {name: web-config, mountPath: /etc/mailsonar-web, readOnly: true}
{{- end }}
- {name: state, mountPath: /var/lib/mailsonar}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Not empty where there is any secret to mount. */}}
{{- define "mailsonar.hasSecrets" -}}
{{- if or .Values.secrets .Values.secretsFrom .Values.externalSecret.enabled -}}yes{{- end -}}
{{- end }}
