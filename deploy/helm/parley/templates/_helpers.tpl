{{/* The release's name, which all objects have. */}}
{{- define "parley.name" -}}
{{- if contains "parley" .Release.Name }}{{ .Release.Name | trunc 52 | trimSuffix "-" }}{{ else }}{{ printf "%s-parley" .Release.Name | trunc 52 | trimSuffix "-" }}{{ end -}}
{{- end -}}

{{/* What a Service and a StatefulSet find the pods by. It must never change. */}}
{{- define "parley.selector" -}}
app.kubernetes.io/name: parley
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "parley.labels" -}}
{{ include "parley.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* The Secret of the settings; empty: there is none. */}}
{{- define "parley.secret" -}}
{{- if .Values.existingSecret }}{{ .Values.existingSecret }}{{ else if .Values.secrets }}{{ include "parley.name" . }}{{ end -}}
{{- end -}}

{{/* What several nodes need and one does not. */}}
{{- define "parley.check" -}}
{{- if and (gt (int .Values.replicas) 1) (not .Values.existingSecret) -}}
{{- range $name := list "DATABASE_URL" "PARLEY_SECRET" "TWILIO_AUTH_TOKEN" -}}
{{- if not (hasKey $.Values.secrets $name) }}{{ fail (printf "replicas is %d: several nodes need secrets.%s, or existingSecret with it" (int $.Values.replicas) $name) }}{{ end -}}
{{- end -}}
{{- end -}}
{{- range $name := list "PARLEY_HTTP_ADDR" "PARLEY_DATA_DIR" "PARLEY_SPEECH_DIR" "PARLEY_DRAIN" "PARLEY_DEBUG_ADDR" -}}
{{- if hasKey $.Values.settings $name }}{{ fail (printf "settings.%s: the chart sets that itself" $name) }}{{ end -}}
{{- end -}}
{{- end -}}
