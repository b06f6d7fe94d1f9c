{{- define "meshwright-compiler.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "meshwright-compiler.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains (include "meshwright-compiler.name" .) .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "meshwright-compiler.name" .) | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "meshwright-compiler.selectorLabels" -}}
app.kubernetes.io/name: {{ include "meshwright-compiler.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* Labels of every object. */}}
{{- define "meshwright-compiler.labels" -}}
{{ include "meshwright-compiler.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: meshwright
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "meshwright-compiler.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "meshwright-compiler.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- required "serviceAccount.name is needed when serviceAccount.create is false" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "meshwright-compiler.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{- printf "%s@%s" .repository .digest -}}
{{- else -}}
{{- printf "%s:%s" .repository (default $.Chart.AppVersion .tag) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The repository that is published to; the environment of git differs by how it is reached. */}}
{{- define "meshwright-compiler.overSsh" -}}
{{- if or (hasPrefix "ssh://" .Values.source.url) (regexMatch "^[^/]+@[^/]+:" .Values.source.url) -}}true{{- end -}}
{{- end -}}

{{- define "meshwright-compiler.args" -}}
- watch
- {{ .Values.source.path | quote }}
- --repo={{ required "source.url is needed" .Values.source.url }}
{{- with .Values.source.revision }}
- --rev={{ . }}
{{- end }}
- --interval={{ .Values.source.interval }}
- --cache=/var/cache/meshwright
- --branch={{ .Values.publish.branch }}
{{- with .Values.publish.url }}
- --push-to={{ . }}
{{- end }}
{{- if not .Values.publish.notes }}
- --no-notes
{{- end }}
{{- with .Values.publish.committer }}
- {{ printf "--committer=%s" . | quote }}
{{- end }}
{{- if .Values.publish.allowForcedUpdate }}
- --allow-forced-update
{{- end }}
- --metrics-listen={{ .Values.listenAddress }}:8080
{{- if .Values.pushEvents.enabled }}
- --listen={{ .Values.listenAddress }}:8081
- --events-secret-file=/etc/meshwright/push-events/token
{{- end }}
{{- with .Values.commitStatus.host }}
- --status={{ . }}
- --status-token-file=/etc/meshwright/commit-status/token
{{- end }}
- --stop-timeout=20s
- --log={{ .Values.log }}
- --log-format=json
{{- end -}}
