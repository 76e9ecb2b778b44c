# A small Apache Kafka: one broker that keeps its messages as long as its pod, for an application that wants one beside it.
# 3.9 is the last line that also answers the clients of before 2018, which pinned packages bring.
ARG DEBIAN_IMAGE=debian:trixie-slim
FROM ${DEBIAN_IMAGE} AS packages
# Java's packages want a folder for manuals, which small images lack.
# hadolint ignore=DL3008
RUN mkdir -p /usr/share/man/man1 && apt-get update && apt-get install -y --no-install-recommends maven openssl && rm -rf /var/lib/apt/lists/*
WORKDIR /kafka
COPY pom.xml ./
# Java trusts whom the system trusts, a company's own authority too.
RUN --mount=type=cache,target=/root/.m2,sharing=locked \
    openssl pkcs12 -export -nokeys -jdktrust anyExtendedKeyUsage -passout pass:changeit \
        -in /etc/ssl/certs/ca-certificates.crt -out /tmp/trusted.p12 \
    && MAVEN_OPTS="-Djavax.net.ssl.trustStore=/tmp/trusted.p12 -Djavax.net.ssl.trustStorePassword=changeit" \
        mvn --batch-mode --quiet dependency:copy-dependencies -DoutputDirectory=libs -DincludeScope=runtime

FROM ${DEBIAN_IMAGE}
# hadolint ignore=DL3008
RUN mkdir -p /usr/share/man/man1 && apt-get update && apt-get install -y --no-install-recommends default-jre-headless \
    && rm -rf /var/lib/apt/lists/* && mkdir /data && chown 10001:10001 /data
COPY --from=packages /kafka/libs /kafka/libs
COPY server.properties /kafka/
ENV ADVERTISED=kafka:9092 CLASSPATH=/kafka/libs/*
ENV JAVA_OPTS="-Xms64m -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
USER 10001:10001
EXPOSE 9092
# One name for the cluster is as good as another: there is no second one.
CMD ["sh", "-c", "java $JAVA_OPTS kafka.tools.StorageTool format --ignore-formatted --cluster-id b25lLXNtYWxsLWthZmthMQ --config /kafka/server.properties >/dev/null && exec java $JAVA_OPTS kafka.Kafka /kafka/server.properties --override advertised.listeners=PLAINTEXT://$ADVERTISED"]
