{{- define "meshwright-webhook.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "meshwright-webhook.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains (include "meshwright-webhook.name" .) .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "meshwright-webhook.name" .) | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "meshwright-webhook.selectorLabels" -}}
app.kubernetes.io/name: {{ include "meshwright-webhook.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/*
Labels of every object. A label istio.io/rev is refused by the values schema: istiod patches every webhook configuration
that carries its revision, CA bundle and failure policy included.
*/}}
{{- define "meshwright-webhook.labels" -}}
{{ include "meshwright-webhook.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: meshwright
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "meshwright-webhook.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "meshwright-webhook.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- required "serviceAccount.name is needed when serviceAccount.create is false" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "meshwright-webhook.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{- printf "%s@%s" .repository .digest -}}
{{- else -}}
{{- printf "%s:%s" .repository (default $.Chart.AppVersion .tag) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The Secret with the serving certificate. */}}
{{- define "meshwright-webhook.certificateSecret" -}}
{{- if eq .Values.certificates.mode "files" -}}
{{- required "certificates.secretName is needed when certificates.mode is files" .Values.certificates.secretName -}}
{{- else -}}
{{- default (printf "%s-tls" (include "meshwright-webhook.fullname" .)) .Values.certificates.secretName -}}
{{- end -}}
{{- end -}}

{{- define "meshwright-webhook.volumes" -}}
{{- if ne .Values.certificates.mode "self" }}
- name: certificate
  secret:
    secretName: {{ include "meshwright-webhook.certificateSecret" . }}
    # The group of the pod reads it.
    defaultMode: 288 # 0440
{{- end }}
{{- if .Values.clientCA.configMapName }}
- name: client-ca
  configMap:
    name: {{ .Values.clientCA.configMapName }}
{{- end }}
{{- end -}}

{{- define "meshwright-webhook.args" -}}
{{- $name := include "meshwright-webhook.fullname" . -}}
- --listen={{ .Values.listenAddress }}:{{ .Values.port }}
- --metrics-listen={{ .Values.listenAddress }}:8080
- --service={{ .Release.Namespace }}/{{ $name }}
- --cluster-domain={{ .Values.clusterDomain }}
- --configuration={{ $name }}
{{- if .Values.rbac.create }}
- --owner-cluster-role={{ $name }}
{{- end }}
- --failure-policy={{ lower .Values.admission.failurePolicy }}
- --match-conditions={{ lower .Values.admission.matchConditions }}
- --timeout-seconds={{ .Values.admission.timeoutSeconds }}
{{- range .Values.admission.excludedNamespaces }}
- --exclude-namespace={{ . }}
{{- end }}
- --without-declaration={{ .Values.admission.withoutDeclaration }}
- --audit-interval={{ .Values.audit.interval }}
{{- if eq .Values.certificates.mode "self" }}
- --certificate-secret={{ .Release.Namespace }}/{{ include "meshwright-webhook.certificateSecret" . }}
{{- else }}
- --tls-cert=/etc/meshwright/tls/tls.crt
- --tls-key=/etc/meshwright/tls/tls.key
- --tls-ca=/etc/meshwright/tls/ca.crt
{{- end }}
{{- if .Values.clientCA.configMapName }}
- --client-ca=/etc/meshwright/client-ca/ca.crt
{{- end }}
- --drain-delay={{ .Values.drainDelay }}
- --drain-timeout={{ .Values.drainTimeout }}
- --log={{ .Values.log }}
{{- end -}}

{{/* The port of the collector. */}}
{{- define "meshwright-webhook.tracingPort" -}}
{{- $url := urlParse .Values.tracing.endpoint -}}
{{- with regexFind ":[0-9]+$" $url.host -}}
{{- trimPrefix ":" . -}}
{{- else -}}
{{- eq $url.scheme "https" | ternary 443 80 -}}
{{- end -}}
{{- end -}}

{{/* The pod of a command that runs once. Takes a list: the root, and the command. */}}
{{- define "meshwright-webhook.once" -}}
{{- $root := index . 0 -}}
{{- $command := index . 1 -}}
restartPolicy: Never
serviceAccountName: {{ include "meshwright-webhook.serviceAccountName" $root }}
automountServiceAccountToken: true
{{- with $root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  seccompProfile:
    type: RuntimeDefault
containers:
  - name: {{ index $command 0 }}
    image: {{ include "meshwright-webhook.image" $root | quote }}
    imagePullPolicy: {{ $root.Values.image.pullPolicy }}
    args:
      {{- toYaml $command | nindent 6 }}
    resources:
      requests:
        cpu: 10m
        memory: 32Mi
      limits:
        memory: 128Mi
    securityContext:
      allowPrivilegeEscalation: false
      readOnlyRootFilesystem: true
      privileged: false
      capabilities:
        drop: [ALL]
{{- with $root.Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $root.Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
