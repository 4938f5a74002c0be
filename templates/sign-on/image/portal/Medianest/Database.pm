package Medianest::Database;

# The one connection of a process to its schema, by the settings that the engine has too.
use strict;
use warnings;
use DBI;

# What is run by `docker exec` has no variables of the entrypoint: it reads the same file.
sub prepare {
    return if $ENV{SIGN_ON_DSN};
    $ENV{PGPASSFILE} = '/run/secrets/sign-on-pgpass';
    open my $file, '<', '/etc/medianest/current/database' or die "the settings of the database cannot be read: $!\n";
    while (<$file>) { $ENV{$1} = $2 if /^(SIGN_ON_\w+)="?(.*?)"?$/ }
    close $file;
    die "the settings of the database name none\n" unless $ENV{SIGN_ON_DSN};
    return;
}

# @throws where the database does not answer
sub connection {
    prepare();
    my $dbh = DBI->connect_cached( $ENV{SIGN_ON_DSN}, $ENV{SIGN_ON_USER}, undef, { RaiseError => 1, PrintError => 0, AutoCommit => 1, private_medianest => 1 } );
    $dbh->{pg_enable_utf8} = 1;
    return $dbh;
}

# Runs work in one transaction. @returns what it returns @throws why nothing was stored
sub transaction {
    my ($work) = @_;
    my $dbh = connection();
    $dbh->begin_work;
    my @done = eval { my @found = $work->($dbh); $dbh->commit; ( 1, @found ) };
    my $why  = $@;
    return wantarray ? @done : $done[0] if shift @done;
    eval { $dbh->rollback };
    die $why;
}

sub answers {
    return eval { connection()->selectrow_array('SELECT 1') } ? 1 : 0;
}

1;
